import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { AppendRequest } from '../../engine/engine.ts'
import type { Payload } from '../../model/payload.ts'
import type { Database } from './driver.ts'

/**
 * Checkpoints: what lies in the WAL is written into the file, so that the WAL can begin anew.
 *
 * quiet: the commit that fills 1,000 pages does it > (many commits are shared) > busy: a thread does it beside the commits
 *
 * In a commit it takes 15 to 30 ms, most of which is waiting for the disk, and everybody waits along. With a thread the 99th
 * percentile of 256 appenders is 16 ms instead of 36. It costs 17 MB, so that only a store that needs it has one.
 *
 * The WAL begins anew only when all of it is in the file, which the thread never sees while commits go on. When the WAL is
 * large, this connection therefore writes the rest, a few hundred pages. Should the thread be gone, all is as in a quiet store.
 */
export interface Checkpoints {
  /** A batch was committed. */
  appended(batch: readonly AppendRequest[]): void
  /** Resolves when the thread has closed the file. */
  close(): Promise<void>
}

/** Pages that fill the WAL before a commit writes them into the file. Four times as many are no faster, and stop the process for longer. */
export const quietPages = 1_000

/** The same where a thread is there to do it: never, unless it stands still; 64 MB. */
const busyPages = 16_000

/** Events in one commit from which on it is called shared. */
const sharedEvents = 16

/** Pages written by shared commits before a thread is worth having. */
const threadFromPages = 4_000

/** Pages written before the thread is asked. */
const askPages = 500

/** Pages of the WAL from which on it has to begin anew; 16 MB. */
const walPagesMax = 4_000

const pageBytes = 4_096

/** About what an event takes besides its payload. */
const rowBytes = 120

const checkpoint = 'pragma wal_checkpoint(passive)'

/** The thread that writes what is in the WAL into the file. */
export interface CheckpointThread {
  ask(): void
  close(): Promise<void>
}

/** Starts the thread; `answered` hears how many pages the WAL has, `failed` that there will be no more answers. */
export type StartThread = (file: string, answered: (walPages: number) => void, failed: () => void) => CheckpointThread

/** The checkpoints of one connection. A store in memory has none. */
export function createCheckpoints(db: Database, start: StartThread = startThread): Checkpoints {
  const write = db.prepare(checkpoint)
  // As SQLite has it, for the folder of the process may have changed when the thread opens it.
  const file = db.prepare<[string]>("select file from pragma_database_list where name = 'main'").get()?.[0] ?? ''
  let mayStart = file !== ''
  let thread: CheckpointThread | undefined
  let pages = 0
  let isAsked = false
  let isLarge = false

  function begin(): void {
    mayStart = false
    try {
      thread = start(file, answered, failed)
    } catch {
      // This process may have no threads.
      return
    }
    db.exec(`pragma wal_autocheckpoint = ${busyPages}`)
  }

  function answered(walPages: number): void {
    isAsked = false
    isLarge = walPages > walPagesMax
    askWhenDue()
  }

  function askWhenDue(): void {
    if (thread === undefined || isAsked || pages < askPages) return
    pages = 0
    isAsked = true
    thread.ask()
  }

  function failed(): void {
    if (thread === undefined) return
    thread = undefined
    db.exec(`pragma wal_autocheckpoint = ${quietPages}`)
  }

  function writeTheRest(): void {
    isLarge = false
    try {
      write.get()
    } catch {
      // The batch is committed. Whoever commits next meets what is wrong with the disk.
    }
  }

  return {
    appended: (batch) => {
      if (thread === undefined) {
        if (!mayStart || !isShared(batch)) return
        pages += pagesOf(batch)
        if (pages >= threadFromPages) begin()
        return
      }
      pages += pagesOf(batch)
      if (isLarge) writeTheRest()
      askWhenDue()
    },
    close: async () => {
      mayStart = false
      const closing = thread
      thread = undefined
      await closing?.close()
    },
  }
}

function isShared(batch: readonly AppendRequest[]): boolean {
  return batch.length > 1 && batch.reduce((events, request) => events + request.events.length, 0) >= sharedEvents
}

/** About as many as the batch has filled. */
function pagesOf(batch: readonly AppendRequest[]): number {
  let bytes = 0
  for (const { events } of batch) {
    for (const { data, metadata } of events) bytes += rowBytes + lengthOf(data) + lengthOf(metadata)
  }
  return 1 + bytes / pageBytes
}

function lengthOf(payload: Payload): number {
  return typeof payload === 'string' ? payload.length : payload.byteLength
}

/** Text and no module of its own, so that the engine works wherever bundlers put it. */
const threadCode = `
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const db = new DatabaseSync(workerData)
  db.exec('pragma busy_timeout = 0; pragma synchronous = full; pragma checkpoint_fullfsync = on; pragma wal_autocheckpoint = 0')
  const checkpoint = db.prepare('${checkpoint}')
  parentPort.on('message', (isOver) => {
    if (!isOver) return parentPort.postMessage(checkpoint.get().log)
    db.close()
    parentPort.close()
  })
`

/** A thread that keeps no process alive. */
const startThread: StartThread = (file, answered, failed) => {
  const worker = new Worker(threadCode, {
    eval: true,
    name: 'varve checkpoints',
    workerData: `${pathToFileURL(file).href}?mode=rw`,
    // What this process was started with, loaders and the like, is nothing to the thread.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.unref()
  worker.on('message', answered)
  worker.on('error', ignore)
  void gone.then(failed)
  return {
    ask: () => worker.postMessage(false),
    close: async () => {
      // Waited for, so that this connection is the last one and leaves no WAL behind.
      worker.ref()
      worker.postMessage(true)
      await gone
    },
  }
}

/** The exit that follows says all there is to know. */
function ignore(): void {}
