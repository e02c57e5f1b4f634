import type { Capabilities } from '../../engine/capabilities.ts'
import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { StoreClosed } from '../../model/errors.ts'
import { createAppend } from './append.ts'
import { createCheckpoints } from './checkpoints.ts'
import { isBusy, translated } from './errors.ts'
import { Filters } from './filter.ts'
import { Log } from './log.ts'
import { inMemory, openFile } from './open-file.ts'
import { createPatience } from './patience.ts'
import { Pages } from './read.ts'
import { createShelf } from './shelf.ts'
import { createTransactions } from './transactions.ts'
import { createWake } from './wake.ts'

/** Everything that may be set; {@link sqlite} fills in the defaults. */
export interface EngineParts {
  readonly path: string
  readonly clock: Clock
  /** Events after which recent postings are sealed; small ones are for tests. */
  readonly chunkEvents: number
}

/** Opens the file and binds the verbs of the port to it. */
export function openEngine({ path, clock, chunkEvents }: EngineParts): Engine {
  const db = openFile(path)
  const log = new Log(db)
  const transactions = createTransactions(db, () => log.distrust())
  const filters = new Filters(db, log)
  const pages = new Pages(db, log, filters)
  const append = createAppend({ db, log, filters, transactions, chunkEvents })
  const shared = path !== inMemory
  const wake = createWake(clock, shared ? createChangeCheck() : undefined)
  const checkpoints = createCheckpoints(db)
  const patience = createPatience(clock, path)
  let closed = false

  /** Asynchronous, so that a closed engine and an aborted signal reject; synchronous inside, so that calls never mix. */
  async function call<Result>(signal: AbortSignal | undefined, verb: () => Result): Promise<Result> {
    if (closed) throw new StoreClosed('The engine')
    signal?.throwIfAborted()
    try {
      return verb()
    } catch (error) {
      if (isBusy(error)) return patience.untilUnlocked(signal, verb)
      throw translated(error, path)
    }
  }

  function createChangeCheck(): () => boolean {
    const statement = db.prepare<[number]>('pragma data_version')
    const look = (): number => statement.get()?.[0] ?? 0
    let seen = look()
    return () => {
      if (closed) return false
      const now = look()
      const changed = now !== seen
      seen = now
      return changed
    }
  }

  return {
    capabilities: capabilitiesOf(shared),
    append: async (batch, signal) => {
      const outcomes = await call(signal, () => append(batch))
      wake.notify()
      checkpoints.appended(batch)
      return outcomes
    },
    read: (query, signal) => call(signal, () => transactions.read(() => pages.read(query))),
    find: (eventId, signal) => call(signal, () => transactions.read(() => pages.find(eventId))),
    head: (signal) => call(signal, () => transactions.read(() => pages.head())),
    streams: (query, signal) => call(signal, () => transactions.read(() => pages.listStreams(query))),
    wake: wake.listen,
    shelf: createShelf(db, transactions, call),
    close: async () => {
      if (closed) return
      closed = true
      wake.close()
      await patience.settled()
      await checkpoints.close()
      db.close()
    },
  }
}

function capabilitiesOf(shared: boolean): Capabilities {
  return {
    engine: 'sqlite',
    gaplessPositions: true,
    appendConditions: true,
    multiStreamAppends: true,
    durable: shared,
    sharedStorage: shared,
    callerTransactions: false,
    batchesInFlight: 1,
    readsOverNetwork: false,
    logShards: 1,
  }
}
