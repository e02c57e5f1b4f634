import { openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { seeded } from '../../store/src/conformance/seeded.ts'
import { systemClock } from '../../store/src/engine/system-clock.ts'
import { openEngine } from '../../store/src/engines/sqlite/open-engine.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { appendSent } from './appends.ts'
import { note, type Sent } from './journal.ts'
import { writesOf } from './writes.ts'

/** One life of a writer: appends from several sides at once until it is killed. */
interface Life {
  readonly path: string
  readonly journal: string
  readonly seed: number
  /** Numbers lives, and requests across lives. */
  readonly life: number
  /** Small ones, so that kills meet seals; the file may be sealed in chunks of any size. */
  readonly chunkEvents: number
}

const appenders = 8
const requestsPerLife = 1_000_000

const life = JSON.parse(process.argv[2] ?? '') as Life
const random = seeded(life.seed)
const journal = openSync(life.journal, 'a')
const store = openStore({ engine: openEngine({ ...life, clock: systemClock }) })
note(journal, { kind: 'opened' })
let request = life.life * requestsPerLife
await Promise.all([
  ...Array.from({ length: appenders }, (_, number) => append(store, number)),
  checkpoint(new DatabaseSync(life.path)),
])

async function append(target: EventStore, appender: number): Promise<never> {
  let version = 0
  for (;;) {
    const sent: Sent = {
      kind: 'sent',
      request: request++,
      writes: writesOf(random, `Own-${life.life}-${appender}`, version),
    }
    note(journal, sent)
    const { firstPosition, streams } = await appendSent(target, sent)
    note(journal, { kind: 'acknowledged', request: sent.request, firstPosition, streams })
    version += sent.writes[0]?.ids.length ?? 0
  }
}

/** Moves the write-ahead log into the file again and again, so that kills meet checkpoints. */
async function checkpoint(connection: DatabaseSync): Promise<never> {
  connection.exec('pragma busy_timeout = 0')
  for (;;) {
    await systemClock.sleep(1 + random.below(20))
    connection.prepare(`pragma wal_checkpoint(${random.pick(['passive', 'truncate'])})`).get()
  }
}
