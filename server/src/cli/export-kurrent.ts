import type { EventData } from '@kurrent/kurrentdb-client'
import type { EventStore, RecordedEvent } from 'varve'
import { appendRun, isTombstone, OtherHistory } from '../kurrent-copy/append-run.ts'
import type { Kurrent } from '../kurrent-copy/connect.ts'
import { isOfSystem } from '../kurrent-copy/from-kurrent.ts'
import { lastCopied, OtherEvents } from '../kurrent-copy/last-copied.ts'
import { eventDataOf } from '../kurrent-copy/to-kurrent.ts'
import { CliFailure, type ExitCode, exitCodes, Interrupted } from './failure.ts'
import { connectTo, kurrentFailure } from './kurrent-failure.ts'
import { counting, createProgress } from './progress.ts'
import { type Session, withStore } from './session.ts'
import { printResult } from './show.ts'

/**
 * `varve export --to`: a store into a KurrentDB, in the order of the log, each event at the revision of its version. Each
 * append is waited for before the next: only then their order there is the order of the log, and the last event says where
 * to go on.
 */

/** Events of one append, and bytes of their payloads: KurrentDB takes 1 MiB by default, with what goes along. */
const runEvents = 500
const runBytes = 400_000

interface Copy {
  readonly session: Session
  readonly store: EventStore
  readonly target: Kurrent
  readonly counts: { exported: number; leftOut: number; position: number }
}

/** Appends what the store has and ends; run again, it appends what is new. */
export async function exportKurrent(session: Session, connection: string): Promise<ExitCode | undefined> {
  const target = await connectTo('--to', connection)
  try {
    return await withStore(session, 'existing', async (store) => {
      const copy: Copy = { session, store, target, counts: { exported: 0, leftOut: 0, position: 0 } }
      await copyAll(copy)
      await report(copy)
      return undefined
    })
  } finally {
    await target.client.dispose()
  }
}

async function copyAll(copy: Copy): Promise<void> {
  const { session, store, counts } = copy
  const { signal, terminal } = session
  const begin = await placeToBegin(copy)
  const head = await store.head({ signal })
  const progress = createProgress({
    label: 'Exporting',
    total: Math.max(0, head - begin),
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
  counts.position = begin
  try {
    for await (const events of runsOf(copy, begin)) {
      await put(copy, events)
      progress.update(counts.exported, counts.position - begin)
    }
  } catch (error) {
    throw error instanceof Interrupted ? interrupted(error, copy) : error
  } finally {
    progress.end()
  }
}

/** The last position that is copied, 0 for none. */
async function placeToBegin({ session, store, target }: Copy): Promise<number> {
  try {
    return await lastCopied(store, target, session.signal)
  } catch (error) {
    if (session.signal.aborted) throw session.signal.reason
    if (!(error instanceof OtherEvents)) throw kurrentFailure(target, error)
    throw new CliFailure(`${target.name}: ${error.message}`, exitCodes.conflict, { cause: error })
  }
}

/** Neighbours of one stream, for one append each. What the store keeps for the system's sake stays there. */
async function* runsOf({ session, store, counts }: Copy, begin: number): AsyncGenerator<readonly RecordedEvent[]> {
  const { signal } = session
  let run: RecordedEvent[] = []
  let bytes = 0
  for await (const event of store.readAll({ from: begin + 1, signal })) {
    if (isOfSystem(event.streamId)) {
      counts.leftOut++
      continue
    }
    const size = event.rawData.length + event.rawMetadata.length
    const before = run.at(-1)
    const isNext = before?.streamId === event.streamId && !isTombstone(before) && !isTombstone(event)
    if (run.length > 0 && (!isNext || run.length >= runEvents || bytes + size > runBytes)) {
      yield run
      run = []
      bytes = 0
    }
    run.push(event)
    bytes += size
  }
  if (run.length > 0) yield run
}

async function put(copy: Copy, events: readonly RecordedEvent[]): Promise<void> {
  const { session, target, counts } = copy
  const [first] = events as readonly [RecordedEvent]
  const proposed: EventData[] = []
  for (const event of events) proposed.push(eventDataOf(event, await isLastWord(copy, event)))
  // Never given up half-way: what was sent is waited for.
  session.signal.throwIfAborted()
  try {
    await appendRun(target, first, proposed)
  } catch (error) {
    if (!(error instanceof OtherHistory)) throw kurrentFailure(target, error)
    throw new CliFailure(`${target.name}: ${error.message}`, exitCodes.conflict, { cause: error })
  }
  counts.exported += events.length
  counts.position = events.at(-1)?.position ?? counts.position
}

/** Whether an event says last what is shown of a stream, and nothing is: then clients are to see the stream as deleted. */
async function isLastWord({ store, session }: Copy, { streamId, version }: RecordedEvent): Promise<boolean> {
  if (!streamId.startsWith('$$')) return false
  const { signal } = session
  const [facts, subject] = await Promise.all([
    store.streamInfo(streamId, { signal }),
    store.streamInfo(streamId.slice(2), { signal }),
  ])
  return facts.version === version && !subject.exists && subject.version > 0
}

function interrupted({ exitCode }: Interrupted, { counts, target }: Copy): CliFailure {
  const { exported } = counts
  const soFar = exported === 0 ? 'Nothing was exported' : `${counting(exported)} events were exported`
  return new CliFailure(`Interrupted. ${soFar} to ${target.name}; the same command goes on from there.`, exitCode)
}

async function report({ session, target, counts }: Copy): Promise<void> {
  const { exported, leftOut, position } = counts
  const system = leftOut === 0 ? '' : `; ${counting(leftOut)} of the system's left out`
  await printResult(
    session,
    { to: target.name, exported, left_out: leftOut, position },
    `Appended ${counting(exported)} events, up to position ${counting(position)}, to ${target.name}${system}.`,
    [exported, position, leftOut, target.name],
  )
}
