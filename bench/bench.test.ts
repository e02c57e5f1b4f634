import { describe, expect, it } from 'vitest'
import { seeded } from '../store/src/conformance/seeded.ts'
import { onPostgres } from '../test/postgres/on-postgres.ts'
import { interleave } from './harness/interleave.ts'
import { ratio, section, table } from './harness/report.ts'
import { quantile, summarise } from './harness/statistics.ts'
import { longStream, longStreams, slicesOf } from './load/fill.ts'
import { simulateShard } from './simulated/log-shard.ts'
import { trials } from './trials/postgres-trials.ts'

const module = new URL('./trials/append-trials.ts', import.meta.url).href

function candidate(name: string, trial: string, engine = 'none') {
  return { name, module, trial, settings: { engine, appenders: 4, warmUpMs: 20, windowMs: 50 } }
}

describe('the simulation of a shard', () => {
  const load = {
    seconds: 5,
    commitEventsMax: 512,
    commitBytes: (events: number) => events * 100,
    requestsBefore: 0,
    workMs: () => 0.1,
  }

  it('says the same of the same random numbers', () => {
    const [one, other] = [1, 1].map((seed) => simulateShard({ ...load, eventsPerSecond: 500, random: seeded(seed) }))
    expect(one).toEqual(other)
  })

  it('lets through what the units of a partition hold, and no more', () => {
    const outcome = simulateShard({ ...load, eventsPerSecond: 50_000, random: seeded(2) })
    expect(outcome.writeUnitsPerSecond).toBeGreaterThan(950)
    // A second's worth was there at the beginning.
    expect(outcome.writeUnitsPerSecond).toBeLessThanOrEqual(1_200)
    expect(outcome.throttled).toBeGreaterThan(0.5)
  })

  it('keeps up with what it has room for', () => {
    const outcome = simulateShard({ ...load, eventsPerSecond: 2_000, random: seeded(3) })
    expect(outcome.eventsPerSecond).toBeGreaterThan(1_900)
    expect(outcome.throttled).toBe(0)
  })
})

describe('the harness', () => {
  it('takes ratios round by round, so that a slow round of both sides changes nothing', () => {
    const rounds = new Map([
      ['raw', [{ rate: 100 }, { rate: 10 }, { rate: 50 }]],
      ['ours', [{ rate: 50 }, { rate: 5 }, { rate: 25 }]],
    ])
    expect(ratio(rounds, { of: 'ours', to: 'raw', by: 'rate' })).toEqual({ median: 0.5, min: 0.5, max: 0.5 })
  })

  it('takes the middle of an odd number and between the middles of an even one', () => {
    expect(summarise([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 })
    expect(summarise([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 })
  })

  it('gives a quantile that was really there', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(3)
    expect(quantile([1, 2, 3, 4], 0.99)).toBe(4)
  })

  it('fills a store with streams of exactly the lengths that are read', () => {
    const lengths = new Map<string, number>()
    for (const { streamId, events } of [...slicesOf(100_000)].flat()) {
      lengths.set(streamId, (lengths.get(streamId) ?? 0) + events)
    }
    expect(lengths.get(longStream(100, longStreams.ofHundred - 1))).toBe(100)
    expect(lengths.get(longStream(1_000, longStreams.ofThousand - 1))).toBe(1_000)
    expect([...lengths.values()].reduce((sum, events) => sum + events)).toBe(100_000)
  })

  it('runs each candidate once per round in a process of its own, and shows them side by side', async () => {
    const rounds = await interleave(
      [candidate('raw', 'rawLogJson'), candidate('sqlite', 'varve', 'sqlite'), candidate('memory', 'varve', 'memory')],
      2,
    )
    expect([...rounds.values()].map((measured) => measured.length)).toEqual([2, 2, 2])
    for (const measured of [...rounds.values()].flat()) expect(measured.eventsPerSecond).toBeGreaterThan(0)
    expect(table(section('appends', rounds, { to: 'raw', by: 'eventsPerSecond' }))).toContain('| memory |')
  })
})

onPostgres(({ cluster }) => {
  it.each(['varve', 'parts', 'plain', 'merged', 'emmett', 'messageDb'])(
    'measures %s in a database of its own',
    async (peer) => {
      const { url } = await cluster()
      const settings = { peer, url, postmaster: 0, appenders: 2, warmUpMs: 20, windowMs: 300, size: 3 }
      for (const trial of ['appends', 'batches'] as const) {
        const measured = await trials[trial]?.(settings, '')
        expect(measured?.eventsPerSecond).toBeGreaterThan(0)
      }
    },
  )
})
