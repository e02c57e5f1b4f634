import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import { openStore } from '../../store/src/open-store.ts'
import { engineAt } from '../engine-at.ts'
import { forked } from '../postgres/forked.ts'
import type { IdAppend, IdRace } from './id-race.ts'
import { onDynamoDB } from './on-dynamodb.ts'
import { soundLog } from './sharded.ts'

const processes = Number(process.env.RACE_PROCESSES ?? 8)
const eventsMin = Number(process.env.RACE_EVENTS ?? 90)
const seed = Number(process.env.RACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const logShards = 4
/** Some die in the middle, with claims that they did not come to keep. */
const killed = Math.floor(processes / 4)

onDynamoDB((server) => {
  describe(`${processes} processes that append the same ids to streams of different shards (RACE_SEED=${seed})`, () => {
    it('are told one truth, though some are killed, and a follower sees each shard in order', {
      timeout: 600_000,
    }, async () => {
      const url = `${server().endpoint}#${server().freshTable()}#${logShards}`
      await using store = openStore({ engine: engineAt(url, 4) })
      const following = follow(url)
      const reach = async (events: number) => {
        await expect.poll(() => following.count(), { timeout: 300_000, interval: 20 }).toBeGreaterThan(events)
      }
      const appends = await raced(url, reach)
      const log = await soundLog(store)
      expect(await following.seen(log.length)).toEqual(log.map(({ id }) => id).sort())
      const told = expectTrue(log, appends)
      console.info(`${log.length} events, ${JSON.stringify(told)}`)
      // Without these they never met, and this test has shown nothing.
      for (const count of Object.values(told)) expect(count).toBeGreaterThan(0)
    })
  })

  /** Follows the log in a store of its own, and refuses what is out of order in its shard. */
  function follow(url: string) {
    const store = openStore({ engine: engineAt(url, 4) })
    const ids: string[] = []
    const last = Array.from({ length: logShards }, (_, shard) => shard)
    let outOfOrder: number | undefined
    const following = (async () => {
      for await (const { id, position } of store.subscribe()) {
        const shard = position % logShards
        if (position !== (last[shard] ?? 0) + logShards) outOfOrder ??= position
        last[shard] = position
        ids.push(id)
      }
    })()
    onTestFinished(async () => {
      await store.close()
      await following
    })
    return {
      count: () => ids.length,
      seen: async (events: number) => {
        await expect.poll(() => ids.length, { timeout: 20_000 }).toBe(events)
        expect(outOfOrder).toBeUndefined()
        return ids.toSorted()
      },
    }
  }

  async function raced(
    url: string,
    reach: (events: number) => Promise<void>,
  ): Promise<readonly (IdAppend & { readonly racer: number })[]> {
    const folder = mkdtempSync(join(tmpdir(), 'varve-id-race-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const reportOf = (racer: number): string => join(folder, `racer-${racer}`)
    const races = Array.from(
      { length: processes },
      (_, racer): IdRace => ({ url, seed, racer, report: reportOf(racer) }),
    )
    const racers = await forked(
      '../dynamodb/id-racer.ts',
      races.map((race) => JSON.stringify(race)),
    )
    for (const racer of racers) racer.send('go')
    await reach(eventsMin / 2)
    for (const racer of racers.slice(0, killed)) racer.kill('SIGKILL')
    await reach(eventsMin)
    const survivors = racers.slice(killed)
    const ends = survivors.map((racer) => once(racer, 'message'))
    for (const racer of survivors) racer.send('stop')
    await Promise.all(ends)
    return racers.flatMap((_, racer) =>
      readFileSync(reportOf(racer), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => ({ ...(JSON.parse(line) as IdAppend), racer })),
    )
  }
})

/** Every answer can be explained by the log, and every append that left anything in it is there as a whole. */
function expectTrue(log: readonly RecordedEvent[], appends: readonly (IdAppend & { readonly racer: number })[]) {
  const byId = new Map(log.map((event) => [event.id, event]))
  const by = Map.groupBy(log, ({ data }) => (data as { by: string }).by)
  for (const events of by.values()) {
    for (const { data } of events) expect(data).toMatchObject({ of: events.length })
  }
  const told = { landed: 0, duplicates: 0, severalStreams: 0 }
  for (const { append, racer, writes, answer } of appends) {
    if (answer?.status === 'duplicate') {
      expect(byId.get(answer.eventId)?.streamId).toBe(answer.streamId)
      told.duplicates++
    }
    if (answer?.status !== 'landed') continue
    const found = writes.map(({ ids }) => ids.map((id) => byId.get(id)))
    const expected = writes.map(({ streamId, ids }, at) =>
      ids.map((_, nth) => expect.objectContaining({ streamId, version: (answer.versions[at] ?? 0) + nth })),
    )
    expect(found).toEqual(expected)
    if (!answer.idempotent) expect(by.has(`${racer}/${append}`)).toBe(true)
    told.landed++
    if (writes.length > 1) told.severalStreams++
  }
  return told
}
