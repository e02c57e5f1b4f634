import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { isConnectionString } from '../kurrent-copy/connect.ts'
import { type EventLine, eventLinesOf } from './envelope-line.ts'
import { CliFailure, type ExitCode, Interrupted } from './failure.ts'
import { examples } from './help.ts'
import { putBatch, type Tally, type Target } from './import-batch.ts'
import { batchesOf } from './import-batches.ts'
import { importKurrent } from './import-kurrent.ts'
import { importStore } from './import-store.ts'
import { bytesOf, nameOf } from './input.ts'
import { linesOf } from './lines.ts'
import { refuseUsage } from './options.ts'
import { counting, createProgress, type Progress } from './progress.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'

interface ImportOptions {
  readonly from?: string
  readonly follow?: boolean
  readonly shelf?: boolean
  readonly checkpoint?: readonly string[]
}

/** `varve import`: a file back into a log, another store, or a database of KurrentDB. */
export function addImport(program: Command, run: Run): void {
  const command = program
    .command('import')
    .summary('append the events of an export, of another store or of a KurrentDB')
    .description(
      'Appends the events of an export with their ids, times, versions and order; into an empty store also at their ' +
        'positions. What is in the store already is left alone, so an import may be run again and goes on where it stopped. ' +
        'A file is checked whole before anything is written; standard input as it comes. With --from, a whole store or ' +
        'database of KurrentDB is copied instead, as far as it goes at the moment; again, and what is new since is copied. ' +
        'A store that is written to can be followed, until everybody writes to the copy.',
    )
    .argument('[file]', "an export of 'varve export'; - is standard input", '-')
    .option('--from <store>', 'copy another store, or a database of KurrentDB by its connection string')
    .option('--follow', 'with --from: go on with what is appended to a store, until Ctrl-C')
    .option(
      '--shelf',
      'with --from: copy the shelf of a store too: where projections and groups are, snapshots, deadlines',
    )
    .option('--checkpoint <name...>', 'with --from: copy checkpoints of a store too: where subscriptions are')
  examples(command, [
    ['varve import shop.ndjson --store sqlite:copy.db', 'a copy of the store'],
    ['varve export --store http://old:2113 | varve import --store sqlite:shop.db', 'from one store to another'],
    ['gunzip -c shop.ndjson.gz | varve import', 'what was compressed'],
    ['varve import --from sqlite:shop.db --store postgres://db/shop --follow', 'a store that is written to meanwhile'],
    ['varve import --from kurrentdb://admin:secret@old:2113 --store sqlite:shop.db', 'a whole KurrentDB'],
  ])
  command.action((file: string, options: ImportOptions) =>
    run(command, (session) => {
      const { from, follow = false, shelf = false, checkpoint: checkpoints = [] } = options
      const [ofStores] =
        Object.entries({ follow, shelf, checkpoint: checkpoints.length > 0 }).find(([, is]) => is) ?? []
      if (from === undefined) {
        if (ofStores !== undefined) refuseUsage(`--${ofStores} is for --from, which names a store.`)
        return importEvents(session, file)
      }
      if (file !== '-') refuseUsage('--from reads a store, and there is a file besides. Leave out one of them.')
      if (!isConnectionString(from)) return importStore(session, from, { follow, shelf, checkpoints })
      if (ofStores !== undefined) refuseUsage(`--${ofStores} is for stores of Varve, not for a KurrentDB.`)
      return importKurrent(session, from)
    }),
  )
}

async function importEvents(session: Session, file: string): Promise<ExitCode | undefined> {
  const name = nameOf(file)
  const totalBytes = await repeatableBytes(file)
  if (totalBytes > 0) await check(session, file, totalBytes)
  return withStore(session, 'create', async (store) => {
    const tally: Tally = { imported: 0, present: 0, positionsKept: true, lastLine: 0 }
    const wasEmpty = Math.max(...(await store.heads())) === 0
    const target: Target = { store, wasEmpty, factsAbout: new Set(), tally, source: 'file' }
    const progress = progressOf(session, 'Importing', totalBytes)
    try {
      await putAll(session, target, eventLinesOf(linesOf(bytesOf(file, session), name), name), progress)
    } catch (error) {
      throw error instanceof Interrupted ? interrupted(error, tally) : error
    } finally {
      progress.end()
    }
    await report(session, name, tally)
    return undefined
  })
}

/** The size of what can be read twice, 0 for what cannot: a pipe has nothing left after the first time. */
async function repeatableBytes(file: string): Promise<number> {
  if (file === '-') return 0
  const found = await stat(file)
  if (found.isDirectory()) throw new CliFailure(`${file} is a directory. Name a file in it.`)
  return found.isFile() ? found.size : 0
}

/** Reads the whole file, so that one that is damaged anywhere changes nothing. */
async function check(session: Session, file: string, totalBytes: number): Promise<void> {
  const progress = progressOf(session, 'Checking', totalBytes)
  let events = 0
  try {
    for await (const { line } of eventLinesOf(linesOf(bytesOf(file, session), file), file)) {
      session.signal.throwIfAborted()
      progress.update(++events, line.endByte)
    }
  } finally {
    progress.end()
  }
}

async function putAll(
  { signal }: Session,
  target: Target,
  lines: AsyncIterable<EventLine>,
  progress: Progress,
): Promise<void> {
  let events = 0
  for await (const batch of batchesOf(lines, target.store)) {
    await putBatch(target, batch, signal)
    events += batch.length
    progress.update(events, batch.at(-1)?.line.endByte ?? 0)
  }
}

function interrupted({ exitCode }: Interrupted, { imported, present, lastLine }: Tally): CliFailure {
  const soFar = imported + present === 0 ? 'Nothing was imported yet' : `The lines up to ${lastLine} are in the store`
  return new CliFailure(`Interrupted. ${soFar}; the same command goes on from there.`, exitCode)
}

async function report(session: Session, name: string, { imported, present, positionsKept }: Tally): Promise<void> {
  const there = present === 0 ? '' : `; ${counting(present)} were there already`
  const moved = imported === 0 || positionsKept ? '' : ' at positions of this store'
  await printResult(
    session,
    { file: name, imported, already_present: present, positions_kept: positionsKept },
    `Imported ${counting(imported)} events from ${name}${moved}${there}.`,
    [imported, present, name],
  )
}

function progressOf({ terminal }: Session, label: string, total: number): Progress {
  return createProgress({
    label,
    total,
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
}
