// Run by postgres.test.ts and dynamodb.test.ts: appends from several sides at once until it is killed. A server that is away is waited for, by
// sending the same append again, as a careful application would.

import { openSync } from 'node:fs'
import { seeded } from '../../store/src/conformance/seeded.ts'
import type { AppendedAll } from '../../store/src/model/call.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'
import { engineAt } from '../engine-at.ts'
import { appendSent } from './appends.ts'
import { note, type Sent } from './journal.ts'
import { writesOf } from './writes.ts'

/** One life of a writer. */
export interface LifeAtUrl {
  readonly url: string
  readonly journal: string
  readonly seed: number
  /** Numbers lives, and requests across lives. */
  readonly life: number
}

const appenders = 8
const requestsPerLife = 1_000_000

const life = JSON.parse(process.argv[2] ?? '') as LifeAtUrl
const random = seeded(life.seed)
const journal = openSync(life.journal, 'a')
// Two stores, so that two batches of this process meet as those of two processes do.
const stores = [1, 2].map(() => openStore({ engine: engineAt(life.url, 3) }))
await Promise.all(stores.map((store) => store.heads()))
note(journal, { kind: 'opened' })
let request = life.life * requestsPerLife
await Promise.all(Array.from({ length: appenders }, (_, number) => append(number)))

async function append(appender: number): Promise<never> {
  let version = 0
  for (;;) {
    const writes = writesOf(random, `Own-${life.life}-${appender}`, version)
    const sent: Sent = { kind: 'sent', request: request++, writes }
    note(journal, sent)
    const { firstPosition, streams } = await appended(sent, appender)
    note(journal, { kind: 'acknowledged', request: sent.request, firstPosition, streams })
    version += sent.writes[0]?.ids.length ?? 0
  }
}

async function appended(sent: Sent, appender: number): Promise<AppendedAll> {
  for (;;) {
    try {
      const [left, right] = stores
      return await appendSent((appender % 2 === 0 ? left : right) as NonNullable<typeof left>, sent)
    } catch (error) {
      if (!isVarveError(error, 'ENGINE_UNAVAILABLE')) throw error
    }
  }
}
