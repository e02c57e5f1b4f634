// Run by forget.test.ts: forget-until-killed.ts <file or URL of the store> <directory or URL of the keys> <subject> <dies at this step>
// A step is a call of the engine, of the file system, or of the database of the keys: all that forgetting does to the world.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import pg from 'pg'
import type { Engine } from '../../store/src/engine/engine.ts'
import { systemClock } from '../../store/src/engine/system-clock.ts'
import { engineAt } from './account.ts'

const [, , place = '', keysAt = '', subject = '', diesAt = ''] = process.argv
let left = Number(diesAt)

function stepping(owner: object, ...names: readonly string[]): void {
  const calls = owner as Record<string, (...given: unknown[]) => unknown>
  for (const name of names) {
    const call = calls[name]
    if (call === undefined) throw new Error(`there is no ${name} to step through`)
    calls[name] = function (this: unknown, ...given: unknown[]) {
      if (--left === 0) process.kill(process.pid, 'SIGKILL')
      return call.apply(this, given)
    }
  }
}

const handle = await fs.open(import.meta.filename)
stepping(Object.getPrototypeOf(handle), 'sync', 'write', 'writeFile')
await handle.close()
stepping(fs, 'link', 'mkdir', 'open', 'readdir', 'readFile', 'rename', 'rmdir', 'stat', 'unlink')
syncBuiltinESMExports()

function inSteps(engine: Engine): Engine {
  const [steps, shelf] = [{ ...engine }, { ...engine.shelf }]
  stepping(steps, 'append', 'read')
  stepping(shelf, 'list', 'delete')
  return { ...steps, shelf }
}

// Imported only now, so that they see the file system in steps.
const { fileKeys, forget, openStore } = await import('varve')
const { postgresKeys } = await import('varve/postgres')

const pool = new pg.Pool({ connectionString: keysAt, max: 1 })
stepping(pool, 'query')
await using store = openStore({ engine: inSteps(engineAt(place)) })
await using keys = keysAt.startsWith('postgres') ? postgresKeys({ pool }) : fileKeys({ directory: keysAt })
await forget(store, { keys, subject }, { clock: { ...systemClock, sleep: async () => undefined } })
await pool.end()
