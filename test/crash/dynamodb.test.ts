import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { onDynamoDB } from '../dynamodb/on-dynamodb.ts'
import { streamInEach } from '../dynamodb/sharded.ts'
import { engineAt } from '../engine-at.ts'
import { appendSent } from './appends.ts'
import { crashFolder } from './crash-folder.ts'
import { readJournal } from './journal.ts'
import { surviveKill } from './survive-kill.ts'
import type { Place } from './surviving-events.ts'
import type { LifeAtUrl } from './writer-at-url.ts'

const kills = Number(process.env.DYNAMODB_CRASH_KILLS ?? 3)
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = seeded(seed)
/** Answers before a kill, at least: a chunk is sealed after eight commits, so kills meet seals. */
const answersMin = 30

const writer = fileURLToPath(new URL('./writer-at-url.ts', import.meta.url))

onDynamoDB((server) => {
  describe.each([1, 4])(
    `a writer on DynamoDB, on %i log shards, killed ${kills} times (CRASH_SEED=${seed})`,
    (shards) => {
      it('loses nothing acknowledged, doubles nothing, and leaves no hole', { timeout: 600_000 }, async () => {
        const url = `${server().endpoint}#${server().freshTable()}#${shards}`
        const promised = new Map<string, Place>()
        const total = { acknowledged: 0, unanswered: 0, committed: 0 }
        for (let life = 0; life < kills; life++) {
          const journal = await liveAndDie(url, life)
          await using store = openStore({ engine: engineAt(url, 3) })
          await fence(store, life)
          const survived = await surviveKill(store, { journal, promised, random })
          total.acknowledged += survived.acknowledged
          total.unanswered += survived.unanswered
          total.committed += survived.committed
        }
        console.info(`DynamoDB, ${shards} log shards, seed ${seed}: ${JSON.stringify(total)}`)
        expect(total.acknowledged).toBeGreaterThanOrEqual(kills * answersMin)
        expect(total.unanswered).toBeGreaterThan(0)
      })
    },
  )
})

/**
 * What a dead writer sent last may still be on its way: a put at the position where a shard of its log ended. Once something
 * else lies there, it has come before that or never will.
 */
async function fence(store: EventStore, life: number): Promise<void> {
  for (const [shard, streamId] of streamInEach(store.capabilities.logShards).entries()) {
    const writes = [{ streamId, expectedVersion: 'any', ids: [randomUUID()], fillerChars: 0 }] as const
    await appendSent(store, { kind: 'sent', request: -1 - shard - 100 * life, writes })
  }
}

/** Starts a writer and kills it at a moment of chance; gives what it noted. */
async function liveAndDie(url: string, life: number) {
  const folder = crashFolder('dynamodb-kills')
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const journal = join(folder, `journal-${life}`)
  writeFileSync(journal, '')
  const order: LifeAtUrl = { url, journal, seed: random.below(2 ** 31), life }
  const child = spawn(process.execPath, [writer, JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const enough = answersMin + random.below(60)
  const answered = () => readJournal(journal).filter(({ kind }) => kind === 'acknowledged').length
  await vi.waitUntil(() => child.exitCode !== null || answered() >= enough, { timeout: 60_000, interval: 3 })
  child.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
  return readJournal(journal).filter((entry) => entry.kind !== 'opened')
}
