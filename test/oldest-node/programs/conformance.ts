// Run by `node --test` of the oldest Node: everything that the memory engine and the embedded one promise.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { memory } from 'varve'
import { engineConformance, type OpenedEngine } from 'varve/conformance'
import { sqlite } from 'varve/sqlite'

/** In memory where it can be: what a disk keeps is proven on the newest Node, and waiting for one takes half a minute. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

function onFile(): OpenedEngine {
  const folder = mkdtempSync(join(place, 'varve-oldest-'))
  const connect = (): OpenedEngine['engine'] => sqlite({ path: join(folder, 'store.db') })
  return { engine: connect(), reopen: connect, cleanUp: () => rmSync(folder, { recursive: true }) }
}

// What grows with the number of events is the same on every Node.
const sizes = { modelRuns: 10, bulkEvents: 10_000 }

describe('memory', () => engineConformance({ test, open: () => ({ engine: memory() }), ...sizes }))
describe('SQLite', () => engineConformance({ test, open: onFile, ...sizes }))
