import type { Command } from 'commander'
import { type EventStore, type ParkedInProjection, parkedInProjection, replayInProjection, skipEvent } from 'varve'
import { confirmed } from './confirmed.ts'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { refuseUsage, wholeNumber, wholeNumbers } from './options.ts'
import { counting } from './progress.ts'
import { printParked } from './projections-show.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface ParkedFlags {
  readonly generation?: number
  readonly from?: number
  readonly limit?: number
}

interface ReplayFlags {
  readonly all?: boolean
  readonly expect?: number
  readonly generation?: number
  readonly yes?: boolean
}

interface SkipFlags {
  readonly generation?: number
  readonly yes?: boolean
}

const generationFlags = ['--generation <number>', 'of this generation (default: the one that readers see)'] as const

/** `varve projections parked`: what a projection has set aside. */
export function addParked(projections: Command, run: Run): void {
  const command = projections
    .command('parked')
    .summary('the events that a projection has set aside')
    .description(
      'Lists parked events with the reason, by position. In a pipe: position, type, stream, attempts, code, reason, key ' +
        'when the whole key is set aside, time.',
    )
    .argument('<name>', 'the projection')
    .option(...generationFlags, wholeNumber)
    .option('--from <position>', 'begin at this position', wholeNumber)
    .option('--limit <count>', 'events at the most', wholeNumber)
  examples(command, [
    ['varve projections parked stock', 'what, and why'],
    ['varve projections parked stock --json | jq -r .code | sort | uniq -c', 'how many of each kind'],
  ])
  command.action((name: string, flags: ParkedFlags) => run(command, (session) => listParked(session, name, flags)))
}

/** `varve projections replay`: applies them after all. */
export function addReplay(projections: Command, run: Run): void {
  const command = projections
    .command('replay')
    .summary('apply parked events after all')
    .description(
      'Applies parked events after all, in their order; what fails again stays parked. Of a parked key, the earlier events ' +
        'are replayed with a later one. Says how many there are and asks first; --expect refuses another number.',
    )
    .argument('<name>', 'the projection')
    .argument('[positions...]', 'positions of parked events', wholeNumbers)
    .option('--all', 'all that are parked')
    .option('--expect <count>', 'refuse when it is another number of events; does not ask', wholeNumber)
    .option(...generationFlags, wholeNumber)
    .option('--yes', 'do not ask, however many they are')
  examples(command, [
    ['varve projections replay stock 41 57', 'two of them'],
    ['varve projections replay stock --all --expect 12', 'all twelve, and no other number'],
  ])
  command.action((name: string, positions: readonly number[], flags: ReplayFlags) =>
    run(command, (session) => replay(session, name, positions, flags)),
  )
}

/** `varve projections skip`: passes over the event that a projection stopped at. */
export function addSkip(projections: Command, run: Run): void {
  const command = projections
    .command('skip')
    .summary('pass over the event that a projection stopped at')
    .description(
      'Passes over the event that a projection stopped at, for ever in this generation, and lets it go on. Nothing but a ' +
        'count tells later that the read model lacks it: a policy that parks keeps more.',
    )
    .argument('<name>', 'the projection')
    .argument('<position>', 'the position of the event, as status shows it', wholeNumber)
    .option(...generationFlags, wholeNumber)
    .option('--yes', 'do not ask')
  examples(command, [['varve projections skip stock 77', 'asks first']])
  command.action((name: string, position: number, flags: SkipFlags) =>
    run(command, (session) => skip(session, name, position, flags)),
  )
}

async function listParked(
  session: Session,
  name: string,
  { generation, from, limit = Infinity }: ParkedFlags,
): Promise<ExitCode | undefined> {
  const options = { ...(generation !== undefined && { generation }), ...(from !== undefined && { from }) }
  return withStore(session, 'existing', async (store) => {
    const events: ParkedInProjection[] = []
    for await (const event of parkedInProjection(store, name, options)) {
      if (events.length >= limit) break
      events.push(event)
    }
    await printParked(session, events)
    if (events.length === 0) session.terminal.note(`Nothing of ${visible(name)} is parked.`)
    return undefined
  })
}

async function replay(
  session: Session,
  name: string,
  given: readonly number[],
  { all = false, expect, generation, yes = false }: ReplayFlags,
): Promise<ExitCode | undefined> {
  if (all === given.length > 0) refuseUsage('Name positions to replay, or say --all.')
  const ofGeneration = generation === undefined ? {} : { generation }
  const positions = all ? 'all' : given
  return withStore(session, 'existing', async (store) => {
    const expectedCount = expect ?? (await countOf(store, name, positions, ofGeneration))
    if (expect === undefined && expectedCount === 0) {
      session.terminal.note(`None of these events of ${visible(name)} is parked; nothing was done.`)
      return undefined
    }
    if (expect === undefined && !yes) {
      await confirmed(session, `Replay ${counting(expectedCount)} parked events of ${visible(name)}?`)
    }
    const replaying = await replayInProjection(store, name, { positions, expectedCount, ...ofGeneration })
    const text = `${counting(replaying)} events of ${visible(name)} are replayed; what fails again stays parked.`
    await printResult(session, { name, replaying }, text, [name, replaying])
    return undefined
  })
}

async function countOf(
  store: EventStore,
  name: string,
  positions: readonly number[] | 'all',
  ofGeneration: { readonly generation?: number },
): Promise<number> {
  let count = 0
  for await (const { position } of parkedInProjection(store, name, ofGeneration)) {
    if (positions === 'all' || positions.includes(position)) count++
  }
  return count
}

async function skip(
  session: Session,
  name: string,
  position: number,
  { generation, yes = false }: SkipFlags,
): Promise<ExitCode | undefined> {
  if (!yes) await confirmed(session, `Leave event ${position} out of ${visible(name)}, for ever?`)
  return withStore(session, 'existing', async (store) => {
    await skipEvent(store, name, { position, ...(generation !== undefined && { generation }) })
    const text = `${visible(name)} goes on behind event ${position}, which its read model will lack.`
    await printResult(session, { name, skipped: position }, text, [name, position])
    return undefined
  })
}
