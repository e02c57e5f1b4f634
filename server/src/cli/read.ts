import type { Command } from 'commander'
import type { EventReader, EventStore } from 'varve'
import type { ExitCode } from './failure.ts'
import { addFilters, examples } from './help.ts'
import { type FilterOptions, queryOf, refuseUsage, wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printEvent } from './show.ts'

interface ReadFlags extends FilterOptions {
  readonly from?: number
  readonly limit?: number
  readonly backward?: boolean
  readonly full?: boolean
}

/** `varve read`: events up to now. */
export function addRead(program: Command, run: Run): void {
  const command = program
    .command('read')
    .summary('print events of one stream or of the whole store')
    .description(
      'Prints the events of one stream, or of the whole store in order of the log, up to what is the last one now. On a ' +
        'terminal one line per event; in a pipe, and with --json, one JSON envelope per line.',
    )
    .argument('[stream]', 'the stream; left out: the whole store')
    .option('--from <place>', 'begin at this version of the stream, or position in the store', wholeNumber)
    .option('--limit <count>', 'events at the most', wholeNumber)
    .option('--backward', 'the last event first')
    .option('--full', 'every field of an event, on lines of its own')
  addFilters(command)
  examples(command, [
    ['varve read Order-7', 'one stream'],
    ['varve read --backward --limit 10', 'the last ten events of the store'],
    ['varve read --category Order --type OrderPlaced', 'what matches'],
    ["varve read --json | jq -c '.data'", 'payloads only'],
  ])
  command.action((stream: string | undefined, flags: ReadFlags) =>
    run(command, (session) => readEvents(session, stream, flags)),
  )
}

async function readEvents(
  session: Session,
  stream: string | undefined,
  flags: ReadFlags,
): Promise<ExitCode | undefined> {
  refuseStreamAndFilter(stream, flags)
  return withStore(session, 'existing', async (store) => {
    for await (const event of readerOf(session, store, stream, flags)) await printEvent(session, event, flags)
    return undefined
  })
}

/** One stream is read by its versions, and has no use for filters over streams. */
export function refuseStreamAndFilter(stream: string | undefined, filter: FilterOptions): void {
  if (stream === undefined || queryOf(filter) === undefined) return
  refuseUsage('A stream and --type, --tag, --category or --prefix do not go together. Leave out the one or the others.')
}

function readerOf(
  { signal }: Session,
  store: EventStore,
  stream: string | undefined,
  { from, limit, backward, ...filters }: ReadFlags,
): EventReader {
  const range = {
    ...(from !== undefined && { from }),
    ...(limit !== undefined && { limit }),
    direction: backward === true ? ('backward' as const) : ('forward' as const),
    signal,
  }
  return stream === undefined
    ? store.readAll({ ...range, filter: queryOf(filters) ?? 'everything' })
    : store.readStream(stream, range)
}
