import assert from 'node:assert/strict'
import {
  firstCheckpoint,
  type Generations,
  type Target,
  type TargetChange,
  type TargetCheckpoint,
  type TargetEntry,
} from '../../model/target.ts'
import type { Addition, TargetSubject } from './target-case.ts'

/** The projection that cases speak of where one is enough. */
export const projection = 'counts'

/** A write as cases describe it; what is left out is as the next batch of a projection would have it. */
export interface Write {
  /** The name of the checkpoint. Default: {@link projection}. */
  readonly name?: string
  /** Default: the checkpoint that is there. */
  readonly expected?: TargetChange<unknown>['expected'] | 'none'
  /** Default: the one before with the position of the last addition. */
  readonly next?: TargetCheckpoint
  readonly additions?: readonly Addition[]
  /** Runs between the additions, after the first one; all are made before and after it. */
  readonly meanwhile?: () => unknown
  /** Runs when everything is added. */
  readonly finally?: () => unknown
}

/** Adds 1 to a key at each of these positions. */
export function ones(key: string, ...positions: readonly number[]): readonly Addition[] {
  return positions.map((position) => ({ key, by: 1, position }))
}

/** Begins a projection on a target as a run does: empties the read model, and sets the first checkpoint. */
export async function begin(
  { counting }: TargetSubject,
  target: Target<unknown>,
  name: string = projection,
): Promise<void> {
  const expected = await target.checkpoint(name)
  await target.write({ projection: name, expected, next: firstCheckpoint(1), empty: true, apply: counting.empty })
}

/** A target begun. */
export async function begun(subject: TargetSubject): Promise<Target<unknown>> {
  await begin(subject, subject.target)
  return subject.target
}

/** Writes one batch. */
export async function write(subject: TargetSubject, target: Target<unknown>, given: Write): Promise<void> {
  const { name = projection, additions = [] } = given
  const found = given.expected ?? (await target.checkpoint(name))
  const expected = found === 'none' ? undefined : found
  const before = expected === undefined || expected === 'any' ? firstCheckpoint(1) : expected
  const next = given.next ?? { ...before, position: additions.at(-1)?.position ?? before.position }
  const apply = (readModel: unknown): unknown => applied(subject, readModel, given)
  await target.write({ projection: name, expected, next, empty: false, apply })
}

/** Synchronous where nothing waits, as the handlers of a projection are. */
function applied({ counting }: TargetSubject, readModel: unknown, given: Write): unknown {
  const { additions = [] } = given
  const steps = additions.map((addition) => () => counting.add(readModel, addition))
  const all = [...steps.slice(0, 1), ...(given.meanwhile ? [given.meanwhile] : []), ...steps.slice(1)]
  return inTurn(given.finally ? [...all, given.finally] : all)
}

function inTurn(steps: readonly (() => unknown)[]): unknown {
  for (const [index, step] of steps.entries()) {
    const done = step()
    if (done instanceof Promise) return done.then(() => inTurn(steps.slice(index + 1)))
  }
  return undefined
}

/** The numbers under some keys as readers see them. */
export async function countsOf(
  { counting }: TargetSubject,
  target: Target<unknown>,
  ...keys: readonly string[]
): Promise<readonly number[]> {
  const counts: number[] = []
  for (const key of keys) counts.push(await counting.count(target.readModel, key))
  return counts
}

/** Where a projection is. */
export async function positionOf(target: Target<unknown>, name: string = projection): Promise<number | undefined> {
  return (await target.checkpoint(name))?.position
}

/** The generations of a target whose case needs them. */
export function generationsOf({ generations }: Target<unknown>): Generations<unknown> {
  assert.ok(generations, 'the target keeps generations')
  return generations
}

/** Opens a generation and begins it. */
export async function begunGeneration(
  subject: TargetSubject,
  generation: number,
  of: string = projection,
): Promise<Target<unknown>> {
  const opened = await generationsOf(subject.target).open({ projection: of, generation })
  await begin(subject, opened, of)
  return opened
}

/** All entries of a generation. */
export async function entriesOf(
  target: Target<unknown>,
  generation: number,
  of: string = projection,
): Promise<readonly TargetEntry[]> {
  const entries: TargetEntry[] = []
  for await (const entry of generationsOf(target).entries({ projection: of, generation })) entries.push(entry)
  return entries
}

/** Something that a case opens when the time has come. */
export interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

/** A closed gate. */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

/** One turn of the event loop: time for somebody else to come in between. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Turns of the event loop that something takes when nobody cuts it off. */
export async function turnsOf(run: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let done = false
  const running = run().finally(() => {
    done = true
  })
  for (; !done; turns++) await turn()
  await running
  return turns
}

/** Numbers of turns after which something that takes so many is cut off: at its beginning, its end, and in between. */
export function moments(turns: number): readonly number[] {
  const cuts = 12
  return Array.from({ length: cuts + 1 }, (_, cut) => Math.floor((turns * cut) / cuts))
}

/** Lets turns of the event loop go by. */
export async function pass(turns: number): Promise<void> {
  for (let passed = 0; passed < turns; passed++) await turn()
}

/** What a promise gives, or a failure when it does not settle in time: a case may not hang. */
export async function inTime<Result>(
  { patienceMs }: TargetSubject,
  what: string,
  promise: Promise<Result>,
): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new assert.AssertionError({ message: `${what} takes more than ${patienceMs} ms` }))
  }, patienceMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** How a write ended: with the code of its error, or `'done'`. */
export async function endOf(writing: Promise<void>): Promise<unknown> {
  return writing.then(
    () => 'done',
    (error: unknown) => (error as { readonly code?: unknown }).code ?? error,
  )
}
