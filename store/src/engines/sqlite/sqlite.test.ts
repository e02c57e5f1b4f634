import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { engineConformance, type OpenedEngine } from '../../conformance/index.ts'
import { systemClock } from '../../engine/system-clock.ts'
import { sqlite } from './index.ts'
import { openEngine } from './open-engine.ts'

function inFolder(open: (path: string) => OpenedEngine['engine']): OpenedEngine {
  const folder = mkdtempSync(join(tmpdir(), 'varve-'))
  const connect = (): OpenedEngine['engine'] => open(join(folder, 'store.db'))
  return { engine: connect(), reopen: connect, cleanUp: () => rmSync(folder, { recursive: true }) }
}

describe('on a file', () => {
  engineConformance({ test, open: () => inFolder((path) => sqlite({ path })) })
})

describe('on a file with chunks of seven events', () => {
  const clock = systemClock
  const bulkEvents = 10_000
  engineConformance({
    test,
    bulkEvents,
    open: () => inFolder((path) => openEngine({ path, clock, chunkEvents: 7 })),
  })
})

describe('in memory', () => {
  engineConformance({ test, modelRuns: 10, open: () => ({ engine: sqlite({ path: ':memory:' }) }) })
})
