import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { forked } from '../postgres/forked.ts'
import { raced, wholeLog } from '../postgres/raced.ts'
import { replay } from '../postgres/replay.ts'
import { onDynamoDB } from './on-dynamodb.ts'

const processes = Number(process.env.RACE_PROCESSES ?? 8)
const writers = Number(process.env.RACE_WRITERS ?? 2)
const seconds = Number(process.env.RACE_SECONDS ?? 2)
const seed = Number(process.env.RACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const streams = 20

onDynamoDB((server) => {
  describe(`${processes} processes of ${writers} writers, for ${seconds} s (RACE_SEED=${seed})`, () => {
    it('are all told the truth, and a follower sees one order without a hole', { timeout: 600_000 }, async () => {
      const url = `${server().endpoint}#${server().freshTable()}`
      const [tail] = await forked('./tailing-reader.ts', [url])
      const decisions = await raced({ url, processes, writers, streams, seed, meanwhile: () => pause(seconds * 1_000) })
      const { log, digest } = await wholeLog(url)

      const seen = tail && once(tail, 'message')
      tail?.send(log.length)
      expect(await seen).toContainEqual({ seen: log.length, digest })
      const right = replay(log, decisions)
      console.info(`${log.length} events, ${JSON.stringify(right)}`)
      // Without these the writers never met, and this test has shown nothing.
      for (const count of Object.values(right)) expect(count).toBeGreaterThan(0)
    })
  })
})
