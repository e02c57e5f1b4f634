import { type Command, Option } from 'commander'
import { type BlobFinding, type BlobStore, type Collected, collectOrphans, type EventStore, verifyBlobs } from 'varve'
import { openBlobsAt } from '../open-blobs.ts'
import { type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { duration, gathered } from './options.ts'
import { counting, createProgress } from './progress.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult, tabbed } from './show.ts'
import { visible } from './visible.ts'

interface BlobsFlags {
  readonly blobs: string
  readonly also?: readonly string[]
}

interface CollectFlags extends BlobsFlags {
  readonly olderThan?: number
  readonly dryRun?: boolean
  readonly evenIfNoneIsNamed?: boolean
}

/** `varve blobs`: looks after the blobs that events hold claims for. */
export function addBlobs(program: Command, run: Run): void {
  const blobs = program
    .command('blobs')
    .summary('look after the blobs that events hold claims for')
    .description('Looks after a blob store: the bytes that are too large for events, which hold claims for them.')
  examples(blobs, [
    ['varve blobs collect --blobs file:blobs --dry-run', 'what no event names'],
    ['varve blobs verify --blobs file:blobs', 'whether every claim can be redeemed'],
  ])
  addCollect(blobs, run)
  addVerify(blobs, run)
}

function addCollect(blobs: Command, run: Run): void {
  const command = blobs
    .command('collect')
    .summary('remove blobs that no event names, in two steps')
    .description(
      'Reads all events, then sets aside each blob that none of them names and that is older than the grace period; it can ' +
        'still be redeemed. What an earlier run has set aside for as long is removed, or put back if an event names it. ' +
        'Appends nothing. Nothing is touched unless every event was read.',
    )
    .option('--older-than <time>', 'the grace period: 7d (default), 12h, 30m, 10s', duration)
    .option('--dry-run', 'tell what would be done, and do nothing')
    .option('--even-if-none-is-named', 'go on when no event names any blob, which is how a wrong --store looks')
  addPlaces(command)
  examples(command, [
    ['varve blobs collect --blobs file:blobs --store sqlite:shop.db', 'blobs in a directory'],
    ['varve blobs collect --blobs s3://shop/scans --older-than 30d', 'blobs in a bucket'],
    ['varve blobs collect --blobs file:blobs --also sqlite:other.db', 'a blob store that two stores share'],
  ])
  command.action((flags: CollectFlags) => run(command, (session) => collect(session, flags)))
}

function addVerify(blobs: Command, run: Run): void {
  const command = blobs
    .command('verify')
    .summary('check that every claim can be redeemed')
    .description(
      'Reads every blob and every event, and prints each damaged blob and each event that names a blob which is missing or ' +
        'damaged. Changes nothing. Exit code 0: every claim can be redeemed; 5: not so.',
    )
  addPlaces(command)
  examples(command, [
    ['varve blobs verify --blobs file:blobs --store sqlite:shop.db', 'after a restore'],
    [`varve blobs verify --blobs file:blobs --json | jq 'select(.event_id)'`, 'the events that miss their blob'],
  ])
  command.action((flags: BlobsFlags) => run(command, (session) => verify(session, flags)))
}

function addPlaces(command: Command): void {
  command
    .addOption(
      new Option('--blobs <url>', 'file:blobs, s3://bucket/prefix?region=… or s3://bucket/prefix?endpoint=…')
        .env('VARVE_BLOBS')
        .makeOptionMandatory(),
    )
    .option('--also <url>', 'another store whose events name blobs there; repeat for several', gathered)
}

async function collect(session: Session, flags: CollectFlags): Promise<ExitCode | undefined> {
  const { dryRun = false, olderThan, evenIfNoneIsNamed = false } = flags
  return withBlobs(session, flags, async (blobs, stores) => {
    const done = await collectOrphans(blobs, stores, {
      signal: session.signal,
      dryRun,
      whenNoneIsNamed: evenIfNoneIsNamed ? 'collect' : 'refuse',
      ...(olderThan !== undefined && { olderThanMs: olderThan }),
    })
    await printResult(session, collectedJson(done, dryRun), collectedText(done, dryRun), [
      done.setAside,
      done.removed,
      done.removedBytes,
      done.restored,
      done.waiting,
      done.named,
    ])
    return undefined
  })
}

function collectedJson(done: Collected, dryRun: boolean): object {
  return {
    dry_run: dryRun,
    events: done.events,
    named: done.named,
    waiting: done.waiting,
    set_aside: done.setAside,
    removed: done.removed,
    removed_bytes: done.removedBytes,
    restored: done.restored,
    unfinished: done.unfinished,
  }
}

function collectedText(done: Collected, dryRun: boolean): string {
  const did = [
    `set aside ${counting(done.setAside)}`,
    `removed ${counting(done.removed)} (${counting(done.removedBytes)} bytes)`,
    `put back ${counting(done.restored)}`,
  ].join(', ')
  return (
    `${dryRun ? 'Would have' : 'Done:'} ${did}. ${counting(done.named)} blobs are named by ` +
    `${counting(done.events)} events, ${counting(done.waiting)} are not and wait for the grace period to end.`
  )
}

async function verify(session: Session, flags: BlobsFlags): Promise<ExitCode | undefined> {
  const { terminal, signal } = session
  return withBlobs(session, flags, async (blobs, stores) => {
    const progress = createProgress({
      label: 'Reading blobs',
      counted: 'blobs',
      total: 0,
      stderr: terminal.stderr,
      isOn: terminal.isWatched,
      now: () => performance.now(),
    })
    const tally = { blobs: 0, problems: 0 }
    try {
      for await (const finding of verifyBlobs(blobs, stores, { signal })) {
        if (finding.kind === 'blob') progress.update(++tally.blobs, 0)
        if (finding.state === 'sound') continue
        tally.problems++
        await printFinding(session, finding)
      }
    } finally {
      progress.end()
    }
    return conclude(session, tally)
  })
}

async function printFinding({ terminal, json }: Session, finding: BlobFinding): Promise<void> {
  const { kind, state, digest } = finding
  if (kind === 'blob') {
    if (json) return terminal.print(JSON.stringify({ state, digest, bytes: finding.bytes }))
    if (!terminal.isRead) return terminal.print(tabbed([state, digest]))
    return terminal.print(`${terminal.styled('red', '✗')} Blob ${digest} is damaged.`)
  }
  const { streamId, position, eventId } = finding
  if (json) {
    return terminal.print(
      JSON.stringify({ state, digest, event_id: eventId, stream_id: streamId, global_position: position }),
    )
  }
  if (!terminal.isRead) return terminal.print(tabbed([state, digest, streamId, position, eventId]))
  const isSo = state === 'missing' ? 'is missing' : 'is damaged'
  return terminal.print(
    `${terminal.styled('red', '✗')} Blob ${digest} ${isSo}; event ${position} in ${visible(streamId)} names it.`,
  )
}

async function conclude(
  { terminal, json }: Session,
  { blobs, problems }: { readonly blobs: number; readonly problems: number },
): Promise<ExitCode> {
  const isSound = problems === 0
  if (!json && terminal.isRead) {
    await terminal.print(
      isSound
        ? `Every claim can be redeemed; ${counting(blobs)} blobs are sound.`
        : 'Bring blobs back from a backup, or check the same bytes in again.',
    )
  }
  return isSound ? exitCodes.done : exitCodes.damaged
}

/** The blob store, and all event stores that share it, for one piece of work. */
async function withBlobs<Result>(
  session: Session,
  { blobs: url, also = [] }: BlobsFlags,
  work: (blobs: BlobStore, stores: readonly EventStore[]) => Promise<Result>,
): Promise<Result> {
  const blobs = openBlobsAt(url)
  const opening = async ([storeUrl, ...more]: readonly string[], opened: readonly EventStore[]): Promise<Result> =>
    storeUrl === undefined
      ? work(blobs, opened)
      : withStore({ ...session, storeUrl }, 'existing', (store) => opening(more, [...opened, store]))
  try {
    return await opening([session.storeUrl, ...also], [])
  } finally {
    await blobs[Symbol.asyncDispose]?.()
  }
}
