import type { Command } from 'commander'
import { type EventStore, type Query, type ReadAllOptions, requireOneOrder, toEnvelope } from 'varve'
import { eventOf } from './envelope-line.ts'
import { exportKurrent } from './export-kurrent.ts'
import { CliFailure, type ExitCode, Interrupted } from './failure.ts'
import { addFilters, examples } from './help.ts'
import {
  type EarlierExport,
  earlierExport,
  grownLineFile,
  type LineSink,
  newLineFile,
  standardOutput,
} from './line-file.ts'
import { type FilterOptions, refuseUsage, wholeNumber } from './options.ts'
import { counting, createProgress } from './progress.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'

interface ExportOptions extends FilterOptions {
  readonly from?: number
  readonly continue?: boolean
  readonly to?: string
}

/** What is exported: from one position on, all or what a query names. */
interface Extract {
  readonly from: number
  readonly filter: Query
}

/** `varve export`: the log as a file. */
export function addExport(program: Command, run: Run): void {
  const command = program
    .command('export')
    .summary('write events to a file, one JSON line each')
    .description(
      'Writes the events of the store to a file, or to standard output for -, one JSON line each, in order of the log: ' +
        'everything up to what is the head when the export begins. Facts about streams (deleted, truncated, tombstoned) ' +
        "are events too and go along. 'varve import' reads the file back.",
    )
    .argument('[file]', 'the file to write; - is standard output', '-')
    .option('--from <position>', 'begin at this position', wholeNumber)
    .option('--continue', 'go on behind the last whole line of the file: after an interruption, or with what is new')
    .option('--to <connection string>', 'append to a KurrentDB, or to what speaks like one, instead of writing a file')
  addFilters(command)
  examples(command, [
    ['varve export shop.ndjson', 'everything'],
    ['varve export shop.ndjson --continue', 'what is new since, or what an interrupted export left out'],
    ['varve export --category Order orders.ndjson', 'the streams of one category, whole'],
    ['varve export | gzip > shop.ndjson.gz', 'through a pipe'],
    ['varve export --to kurrentdb://admin:secret@new:2113', 'into a KurrentDB; again, and what is new follows'],
  ])
  command.action((file: string, options: ExportOptions) =>
    run(command, (session) => {
      if (options.to === undefined) return exportEvents(session, file, options)
      refuseExtract(file, options)
      return exportKurrent(session, options.to)
    }),
  )
}

/** Revisions count every event of a stream, and a copy that can go on has to know what came before. */
function refuseExtract(file: string, { to: _, ...options }: ExportOptions): void {
  if (file === '-' && Object.keys(options).length === 0) return
  refuseUsage('--to copies the whole store and finds its place itself. Leave out the file and all other options.')
}

async function exportEvents(session: Session, file: string, options: ExportOptions): Promise<ExitCode | undefined> {
  refuseContradictions(file, options)
  warnOfExtract(session, options)
  return withStore(session, 'existing', async (store) => {
    const filter = wholeStreams(options) ?? 'everything'
    if (options.continue === true) {
      const advice =
        "Export to a new file, or copy the store with 'varve import --from', which goes on where it stopped."
      requireOneOrder(store.capabilities, advice)
    }
    const earlier = options.continue === true ? await earlierExport(file) : undefined
    const from = earlier === undefined ? (options.from ?? 1) : await placeAfter(store, file, earlier, filter)
    const sink = await sinkFor(session, file, earlier)
    try {
      await report(session, file, await writeAll(session, store, { from, filter }, sink))
      return undefined
    } catch (error) {
      throw error instanceof Interrupted ? interrupted(error, file, store) : error
    }
  })
}

function refuseContradictions(file: string, options: ExportOptions): void {
  if (options.continue !== true) return
  if (file === '-')
    refuseUsage('--continue needs a file, since standard output has no end to go on from. Name the file.')
  if (options.from !== undefined) refuseUsage('--continue finds its place in the file. Leave out --from.')
}

/** Versions count every event of a stream, so a stream with events left out cannot be imported at its versions. */
function warnOfExtract({ terminal }: Session, { type, tag }: FilterOptions): void {
  if (type === undefined && tag === undefined) return
  terminal.note(
    'varve: --type and --tag leave events of a stream out; the result is for reading and cannot be imported. Choose whole streams by --category or --prefix.',
  )
}

/** Streams chosen by name bring the facts about them along, so that what is hidden here is hidden after an import. */
function wholeStreams({ type, tag, category, prefix }: FilterOptions): Query | undefined {
  const content = { ...(type !== undefined && { types: type }), ...(tag !== undefined && { tags: tag }) }
  if (category === undefined && prefix === undefined) return Object.keys(content).length === 0 ? undefined : content
  return ['', '$$'].map((facts) => ({
    ...content,
    ...(category !== undefined && { categories: category.map((name) => facts + name) }),
    ...(prefix !== undefined && { streamPrefix: facts + prefix }),
  }))
}

async function sinkFor(session: Session, file: string, earlier: EarlierExport | undefined): Promise<LineSink> {
  if (file === '-') return standardOutput(session.terminal)
  return earlier === undefined ? newLineFile(file) : grownLineFile(file, earlier)
}

/** Where to go on; refuses a file that holds something else than the beginning of this export. */
async function placeAfter(store: EventStore, file: string, earlier: EarlierExport, filter: Query): Promise<number> {
  const { lastLine, wholeBytes, torn } = earlier
  if (lastLine === undefined) {
    if (torn === '' || '{"event_id":'.startsWith(torn) || torn.startsWith('{"event_id":')) return 1
    throw new CliFailure(`${file} is no export. Export to another file.`)
  }
  const last = eventOf({ number: 1, text: lastLine, endByte: wholeBytes, isWhole: true }, `The end of ${file}`)
  const inStore = await store.readAll({ from: last.position, limit: 1, filter }).first()
  if (inStore?.position === last.position && inStore.id === last.id) return last.position + 1
  throw new CliFailure(
    `${file} ends with event ${last.id} at position ${last.position}, which this export does not have there. ` +
      'It comes from another store or was made with other filters: export to a new file.',
  )
}

interface Done {
  readonly events: number
  readonly position: number
}

async function writeAll(session: Session, store: EventStore, { from, filter }: Extract, sink: LineSink): Promise<Done> {
  const { terminal, signal } = session
  const head = Math.max(...(await store.heads({ signal })))
  const progress = createProgress({
    label: 'Exporting',
    total: Math.max(0, head - from + 1),
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
  let events = 0
  let position = from - 1
  try {
    const reading: ReadAllOptions = { from, filter, signal }
    for await (const event of store.readAll(reading)) {
      await sink.write(JSON.stringify(toEnvelope(event)))
      events++
      position = event.position
      progress.update(events, position - from + 1)
    }
    return { events, position }
  } finally {
    progress.end()
    await sink.close()
  }
}

function interrupted(error: Interrupted, file: string, { capabilities }: EventStore): CliFailure {
  if (file === '-') return error
  // A log in shards has no one place to go on from.
  const advice = capabilities.logShards === 1 ? 'go on with --continue' : 'export to a new file'
  return new CliFailure(`Interrupted. ${file} ends with a whole line; ${advice}.`, error.exitCode)
}

async function report(session: Session, file: string, { events, position }: Done): Promise<void> {
  // The events themselves are the result there.
  if (file === '-') return
  const upTo = events === 0 ? 'nothing new' : `${counting(events)} events, up to position ${position},`
  await printResult(session, { file, events, position }, `Wrote ${upTo} to ${file}.`, [events, position, file])
}
