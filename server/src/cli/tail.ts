import type { Command } from 'commander'
import type { EventStore, LogPositions, RecordedEvent } from 'varve'
import { type ExitCode, exitCodes, Interrupted } from './failure.ts'
import { addFilters, examples } from './help.ts'
import { type FilterOptions, queryOf, refuseUsage, wholeNumber } from './options.ts'
import { refuseStreamAndFilter } from './read.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printEvent } from './show.ts'

interface TailFlags extends FilterOptions {
  readonly from?: number
  readonly last?: number
  readonly limit?: number
  readonly full?: boolean
}

/** Events shown before the live ones unless --last says otherwise; as `tail -f` does with lines. */
const lastDefault = 10

/** `varve tail`: events as they are appended. */
export function addTail(program: Command, run: Run): void {
  const command = program
    .command('tail')
    .summary('print events as they are appended, until Ctrl-C')
    .description(
      `Prints the last events, then each event as it is appended, until Ctrl-C. The layout is that of 'varve read'.`,
    )
    .argument('[stream]', 'the stream; left out: the whole store')
    .option('--from <place>', 'begin at this version of the stream, or position in the store', wholeNumber)
    .option('-n, --last <count>', `events from before to begin with (default: ${lastDefault})`, wholeNumber)
    .option('--limit <count>', 'end after this many events', wholeNumber)
    .option('--full', 'every field of an event, on lines of its own')
  addFilters(command)
  examples(command, [
    ['varve tail', 'the whole store, live'],
    ['varve tail Order-7 --from 1', 'a stream from its beginning, then live'],
    ['varve tail --type OrderPlaced --json -n 0', 'only new orders, as JSON lines'],
    ['varve tail --store http://127.0.0.1:2113', 'from a server'],
  ])
  command.action((stream: string | undefined, flags: TailFlags) =>
    run(command, (session) => tailEvents(session, stream, flags)),
  )
}

async function tailEvents(
  session: Session,
  stream: string | undefined,
  flags: TailFlags,
): Promise<ExitCode | undefined> {
  refuseStreamAndFilter(stream, flags)
  if (flags.from !== undefined && flags.last !== undefined) {
    refuseUsage('--from and --last both say where to begin. Leave out one of them.')
  }
  if (flags.limit === 0) return undefined
  return withStore(session, 'existing', async (store) => {
    try {
      await follow(session, store, stream, flags)
      return undefined
    } catch (error) {
      // Ctrl-C is how a tail ends.
      if (error instanceof Interrupted) return exitCodes.done
      throw error
    }
  })
}

async function follow(
  session: Session,
  store: EventStore,
  stream: string | undefined,
  flags: TailFlags,
): Promise<void> {
  const { terminal, signal } = session
  const filter = queryOf(flags)
  const inShards = stream === undefined && flags.from === undefined && store.capabilities.logShards > 1
  const { shown, ...place } = inShards
    ? await shownBefore(session, store, flags)
    : { shown: 0, from: flags.from ?? (await beginning(session, store, stream, flags)) }
  const options = {
    ...place,
    signal,
    ...(stream !== undefined && { stream }),
    ...(filter !== undefined && { filter }),
  }
  let left = (flags.limit ?? Number.POSITIVE_INFINITY) - shown
  if (left === 0) return
  for await (const event of store.subscribe(options)) {
    await printEvent(session, event, flags)
    // Whoever watches a pipe wants to see each event at once.
    await terminal.flush()
    if (--left === 0) return
  }
}

/**
 * The place of the first of the last events. Where the log ends is asked before, so that an event which comes between
 * is not missed when there are none to show.
 */
async function beginning(
  { signal }: Session,
  store: EventStore,
  stream: string | undefined,
  flags: TailFlags,
): Promise<number | 'end'> {
  const { last = lastDefault } = flags
  if (last === 0) return 'end'
  const range = { direction: 'backward', limit: last, signal } as const
  if (stream !== undefined) return (await earliest(store.readStream(stream, range)))?.version ?? 1
  const head = await store.head({ signal })
  const filter = queryOf(flags) ?? 'everything'
  return (await earliest(store.readAll({ ...range, filter })))?.position ?? head + 1
}

/**
 * Of a log in shards the last events are no stretch that a subscription could begin with: they are shown first, up to where
 * each shard ends, and it goes on after these ends.
 */
async function shownBefore(
  session: Session,
  store: EventStore,
  flags: TailFlags,
): Promise<{ readonly shown: number; readonly after: LogPositions }> {
  const { terminal, signal } = session
  const { last = lastDefault, limit = Number.POSITIVE_INFINITY } = flags
  const after = await store.heads({ signal })
  const range = { direction: 'backward', limit: last, signal, filter: queryOf(flags) ?? 'everything' } as const
  const newest = last === 0 ? [] : await store.readAll(range).toArray()
  const isBefore = ({ position }: RecordedEvent): boolean => position <= (after[position % after.length] ?? 0)
  const events = newest.filter(isBefore).reverse().slice(0, limit)
  for (const event of events) await printEvent(session, event, flags)
  await terminal.flush()
  return { shown: events.length, after }
}

async function earliest(backward: AsyncIterable<RecordedEvent>): Promise<RecordedEvent | undefined> {
  let found: RecordedEvent | undefined
  for await (const event of backward) found = event
  return found
}
