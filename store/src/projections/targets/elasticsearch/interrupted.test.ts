import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { onSearch } from '../../../../../test/search/on-search.ts'
import { createRoad, type Fate, type Road } from '../../../../../test/search/road.ts'
import type { Clock } from '../../../engine/clock.ts'
import { firstCheckpoint, type TargetCheckpoint } from '../../../model/target.ts'
import { type ElasticsearchReadModel, type ElasticsearchTarget, elasticsearchTarget } from './index.ts'

interface Count {
  readonly count: number
}

let targets = 0
const settings = { number_of_replicas: 0 }
const fatal: readonly Fate[] = ['sender-killed', 'sender-killed-before']
const passing: readonly Fate[] = ['answer-lost', 'request-lost', 'refused as one too many']

/** Pauses take no time; nobody waits for an answer for too long. */
const impatient: Clock = {
  now: () => 0,
  sleep: (ms, signal) =>
    ms < 5_000 ? Promise.resolve() : new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
}

/** One event: what it does to a document, by the position it is at. */
interface Step {
  readonly id: string
  readonly does: 'add' | 'put' | 'delete'
}

type Documents = ElasticsearchReadModel<Count>

function handle(documents: Documents, { id, does }: Step, position: number): void {
  if (does === 'put') documents.put({ position }, id, { count: 100 * position })
  else if (does === 'delete') documents.delete({ position }, id)
  else documents.update({ position }, id, (found) => ({ count: (found?.count ?? 0) + position }))
}

/** What should be there after so many events. */
function folded(steps: readonly Step[], skipped: ReadonlySet<number> = new Set()): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [index, { id, does }] of steps.entries()) {
    const position = index + 1
    if (skipped.has(position)) continue
    if (does === 'delete') delete counts[id]
    else counts[id] = does === 'put' ? 100 * position : (counts[id] ?? 0) + position
  }
  return counts
}

const ids = ['a', 'b', 'c', 'd']

async function countsIn(target: ElasticsearchTarget<Count>): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const id of ids) {
    const found = await target.readModel.get(id)
    if (found !== undefined) counts[id] = found.count
  }
  return counts
}

interface Run {
  readonly target: ElasticsearchTarget<Count>
  readonly road: Road
}

/** Writes the events behind the checkpoint, at most so many of them. */
async function writeNext({ target }: Run, steps: readonly Step[], most: number): Promise<void> {
  const expected = (await target.checkpoint('counts')) ?? undefined
  const from = expected?.position ?? 0
  const next = { ...(expected ?? firstCheckpoint(1)), position: Math.min(from + most, steps.length) }
  const apply = (documents: Documents): void => {
    for (let position = from + 1; position <= next.position; position++) {
      handle(documents, steps[position - 1] ?? { id: 'a', does: 'add' }, position)
    }
  }
  await target.write({ projection: 'counts', expected, next, empty: false, apply })
}

async function empty({ target }: Run, next: TargetCheckpoint = firstCheckpoint(1)): Promise<void> {
  const expected = await target.checkpoint('counts')
  await target.write({ projection: 'counts', expected, next, empty: true, apply: () => undefined })
}

/** Numbers below a bound that a seed gives, the same each time. */
function dice(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

/** A fate for the request that comes after so many others; everything else passes. */
function after(requests: number, fate: Fate): Road['fate'] {
  let asked = 0
  return () => (asked++ === requests ? fate : 'passes')
}

onSearch(({ server }) => {
  const open = (indexPrefix: string): Run => {
    const road = createRoad()
    const place = { url: server().url, fetch: road.fetch }
    return { road, target: elasticsearchTarget<Count>({ ...place, indexPrefix, settings, clock: impatient }) }
  }
  describe('a write that is interrupted', () => {
    it('counts each event once, wherever its sender is killed, and whatever batches come after', async () => {
      const prefix = `killed-${++targets}`
      const steps: Step[] = []
      await empty(open(prefix))
      for (let cut = 0; cut < 24; cut++) {
        const [request, fate, batch] = [cut >> 2, fatal[cut & 1] ?? 'sender-killed', cut & 2 ? 3 : 6]
        for (const does of ['add', 'add', 'put', 'add', 'delete', 'add'] as const) {
          steps.push({ id: does === 'delete' ? 'b' : (ids[steps.length % 3] ?? 'a'), does })
        }
        const run = open(prefix)
        const asked = after(request, fate)
        run.road.fate = (one) => (one.path.includes('_alias') ? 'passes' : asked(one))
        await writeNext(run, steps, batch).catch(() => undefined)
        await run.road.kill()
        const again = open(prefix)
        while (((await again.target.checkpoint('counts'))?.position ?? 0) < steps.length)
          await writeNext(again, steps, 4)
        deepEqual(await countsIn(again.target), folded(steps))
      }
    })

    it.each(passing)('comes through where requests meet with this: %s', async (fate) => {
      const run = open(`passing-${++targets}`)
      const steps: Step[] = []
      await empty(run)
      for (let request = 0; request < 6; request++) {
        steps.push({ id: 'a', does: 'add' }, { id: 'b', does: 'put' }, { id: 'b', does: 'add' })
        run.road.fate = after(request, fate)
        await writeNext(run, steps, 3)
        run.road.fate = () => 'passes'
        deepEqual(await countsIn(run.target), folded(steps))
      }
    })

    const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 32))
    it(`leaves what the events say, whatever happened (seed ${seed})`, { timeout: 180_000 }, async () => {
      const roll = dice(seed)
      const prefix = `random-${++targets}`
      const kinds = ['add', 'add', 'add', 'put', 'delete'] as const
      const steps = Array.from(
        { length: 150 },
        (): Step => ({ id: ids[roll(4)] ?? 'a', does: kinds[roll(5)] ?? 'add' }),
      )
      let run = open(prefix)
      await empty(run)
      const late: Road[] = []
      for (let rounds = 0; rounds < 400; rounds++) {
        run.road.fate = after(1 + roll(5), [...fatal, ...fatal, ...passing, 'held' as const][roll(8)] ?? 'passes')
        const isHeld = held(run.road)
        // Who is held is overtaken, and comes too late.
        await Promise.race([writeNext(run, steps, 1 + roll(12)).catch(() => undefined), isHeld])
        if (roll(3) === 0) for (const road of late.splice(0)) road.release()
        late.push(run.road)
        run = open(prefix)
        if ((await run.target.checkpoint('counts'))?.position === steps.length) break
      }
      for (const road of late) road.release()
      deepEqual(await countsIn(run.target), folded(steps))
    })
  })

  describe('an owner that was overtaken', () => {
    it('changes nothing with documents that arrive late', async () => {
      const prefix = `overtaken-${++targets}`
      const [old, young] = [open(prefix), open(prefix)]
      const steps: Step[] = Array.from({ length: 9 }, (_, index) => ({ id: ids[index % 2] ?? 'a', does: 'add' }))
      await empty(old)
      old.road.fate = ({ path }) => (path.endsWith('_bulk') ? 'held' : 'passes')
      const isHeld = held(old.road)
      const late = writeNext(old, steps, 4)
      await isHeld
      const found = await young.target.checkpoint('counts')
      const taken = { ...firstCheckpoint(1), epoch: 1 }
      await young.target.write({
        projection: 'counts',
        expected: found,
        next: taken,
        empty: false,
        apply: () => undefined,
      })
      await writeNext(young, steps, 9)
      old.road.release()
      await rejects(late, { code: 'CHECKPOINT_CONFLICT', checkpoint: 'counts' })
      deepEqual(await countsIn(young.target), folded(steps))
    })

    it('makes no index anew with documents for a generation that was dropped', async () => {
      const prefix = `dropped-${++targets}`
      const [old, young] = [open(prefix), open(prefix)]
      const generation = { projection: 'counts', generation: 1 }
      const build = (await old.target.generations.open(generation)) as ElasticsearchTarget<Count>
      await empty({ ...old, target: build })
      old.road.fate = ({ path }) => (path.endsWith('_bulk') ? 'held' : 'passes')
      const isHeld = held(old.road)
      const late = writeNext({ ...old, target: build }, [{ id: 'a', does: 'add' }], 1)
      await isHeld
      await young.target.generations.drop(generation)
      old.road.release()
      await rejects(late, { code: 'CHECKPOINT_CONFLICT' })
      deepEqual(await server().indices(`${prefix}*`), [`${prefix}.checkpoints`])
    })
  })

  describe('a parked event', () => {
    it('counts once when it comes after all, however often it is written', async () => {
      const prefix = `parked-${++targets}`
      const steps: Step[] = Array.from({ length: 10 }, () => ({ id: 'a', does: 'add' }))
      let run = open(prefix)
      await empty(run)
      const parked = [{ position: 3 }, { position: 7 }, { position: 10 }]
      const aside = new Set(parked.map(({ position }) => position))
      let checkpoint: TargetCheckpoint = { ...firstCheckpoint(1), position: 10, parked }
      const due = steps
        .map((step, index) => ({ step, position: index + 1 }))
        .filter(({ position }) => !aside.has(position))
      await run.target.write({
        projection: 'counts',
        expected: firstCheckpoint(1),
        next: checkpoint,
        empty: false,
        apply: (documents: Documents) => {
          for (const { step, position } of due) handle(documents, step, position)
        },
      })
      for (const { position } of [...parked].reverse()) {
        const next = { ...checkpoint, parked: checkpoint.parked.filter((place) => place.position !== position) }
        const replay = (by: Run): Promise<void> =>
          by.target.write({
            projection: 'counts',
            expected: checkpoint,
            next,
            empty: false,
            apply: (documents: Documents) => handle(documents, { id: 'a', does: 'add' }, position),
          })
        run.road.fate = ({ method }) => (method === 'PUT' ? 'sender-killed-before' : 'passes')
        await rejects(replay(run))
        run = open(prefix)
        await replay(run)
        aside.delete(position)
        deepEqual(await countsIn(run.target), folded(steps, aside))
        checkpoint = next
      }
      steps.push({ id: 'a', does: 'add' })
      await writeNext(run, steps, 1)
      deepEqual(await countsIn(run.target), folded(steps))
    })
  })

  describe('beginning anew', () => {
    it('is done or not wherever its sender is killed, and once it is repeated nothing is left over', async () => {
      const prefix = `anew-${++targets}`
      const steps: readonly Step[] = [
        { id: 'a', does: 'add' },
        { id: 'b', does: 'add' },
      ]
      let run = open(prefix)
      await empty(run)
      await writeNext(run, steps, 2)
      for (let request = 0; request < 14; request++) {
        const version = request + 2
        run.road.fate = after(request, fatal[request % 2] ?? 'sender-killed')
        await empty(run, firstCheckpoint(version)).catch(() => undefined)
        await run.road.kill()
        run = open(prefix)
        const found = await run.target.checkpoint('counts')
        if (found?.position === 2) deepEqual(await countsIn(run.target), folded(steps))
        await empty(run, firstCheckpoint(version))
        deepEqual(await run.target.checkpoint('counts'), firstCheckpoint(version))
        deepEqual(await countsIn(run.target), {})
        equal((await server().indices(`${prefix}.g0.*`)).length, 1)
        await writeNext(run, steps, 2)
        deepEqual(await countsIn(run.target), folded(steps))
      }
    })
  })
})

/** Resolves when a request of a road is held; its fates are those that were chosen before. */
function held(road: Road): Promise<void> {
  const { fate } = road
  return new Promise<void>((resolve) => {
    road.fate = (asked) => {
      const chosen = fate(asked)
      if (chosen === 'held') resolve()
      return chosen
    }
  })
}
