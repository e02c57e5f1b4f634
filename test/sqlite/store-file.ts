import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Clock } from '../../store/src/engine/clock.ts'
import type { AppendRequest, Engine } from '../../store/src/engine/engine.ts'
import { systemClock } from '../../store/src/engine/system-clock.ts'
import { openEngine } from '../../store/src/engines/sqlite/open-engine.ts'
import type { EventToStore, StoredEvent } from '../../store/src/model/event.ts'

/** A place for a file in a folder of its own, and engines on it. */
export interface StoreFile {
  readonly folder: string
  readonly path: string
  /** Opens an engine that seals after five events unless told otherwise, and is closed after the test. */
  connect(options?: { readonly path?: string; readonly chunkEvents?: number; readonly clock?: Clock }): Engine
}

/** A new place for every test of a file of tests; what it is now is in the fields. */
export function storeFileOfEachTest(): StoreFile {
  let folder = ''
  const open = new Set<Engine>()
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'varve-'))
  })
  afterEach(async () => {
    for (const engine of open) await engine.close()
    open.clear()
    rmSync(folder, { recursive: true })
  })
  const path = (): string => join(folder, 'store.db')
  return {
    get folder() {
      return folder
    },
    get path() {
      return path()
    },
    connect: (options = {}) => {
      const engine = openEngine({ path: path(), clock: systemClock, chunkEvents: 5, ...options })
      open.add(engine)
      return engine
    },
  }
}

let ids = 0

/** An event with an id of its own. */
export function eventToStore(fields: Partial<EventToStore> = {}): EventToStore {
  return {
    id: `00000000-0000-4000-8000-${String(ids++).padStart(12, '0')}`,
    streamId: 'Order-1',
    type: 'Placed',
    schemaVersion: 1,
    contentType: 'application/json',
    data: '{}',
    metadataContentType: 'application/json',
    metadata: '{}',
    tags: [],
    recordedAtMs: 1_700_000_000_000,
    ...fields,
  }
}

/** An append that expects nothing. */
export function request(...events: EventToStore[]): AppendRequest {
  return { events, checks: [] }
}

/** Appends events one by one, to three streams in turn and with two tags. */
export async function fill(engine: Engine, count: number): Promise<EventToStore[]> {
  const events = Array.from({ length: count }, (_, index) =>
    eventToStore({ streamId: `Order-${index % 3}`, tags: [`n:${index % 2}`] }),
  )
  for (const one of events) await engine.append([request(one)])
  return events
}

/** Everything, up to a page. */
export async function all(engine: Engine): Promise<readonly StoredEvent[]> {
  const page = await engine.read({
    source: { query: 'everything' },
    direction: 'forward',
    from: 1,
    limit: 1_000,
    maxBytes: 1e6,
  })
  return page.events
}
