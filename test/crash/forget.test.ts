import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type EventStore,
  execute,
  fileKeys,
  forget,
  type KeyStore,
  openStore,
  subjectRef,
  systemClock,
  withPersonalData,
} from 'varve'
import { postgresKeys } from 'varve/postgres'
import { afterAll, describe, expect, it } from 'vitest'
import { customer, customerEvents, registered } from '../erasure/customers.ts'
import { freshDatabase } from '../postgres/database.ts'
import { onNewestPostgres } from '../postgres/on-postgres.ts'
import { thorough } from '../thorough.ts'
import { engineAt } from './account.ts'
import { crashFolder } from './crash-folder.ts'

const program = fileURLToPath(new URL('./forget-until-killed.ts', import.meta.url))
const clock = { ...systemClock, sleep: async () => undefined }

interface Places {
  readonly place: string
  readonly keysAt: string
  /** What lies where the keys lie, as text. */
  readonly keyBytes: () => Promise<string>
}

const keysOf = ({ keysAt }: Places): KeyStore =>
  keysAt.startsWith('postgres') ? postgresKeys({ url: keysAt }) : fileKeys({ directory: keysAt })

async function run({ place, keysAt }: Places, subject: string, diesAt: number): Promise<'done' | 'killed'> {
  const child = spawn(process.execPath, [program, place, keysAt, subject, String(diesAt)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code, signal] = await once(child, 'exit')
  if (signal === 'SIGKILL') return 'killed'
  expect({ code, signal }).toEqual({ code: 0, signal: null })
  return 'done'
}

/** Kills a run at each of its steps, or at every second one, looks at what stands there, calls again, and looks once more. */
async function killedAtSteps(places: Places): Promise<number> {
  for (let step = 1; ; step += thorough ? 1 : 2) {
    const [subject, streamId] = [`c-${step}`, `Customer-${step}`]
    const key = await registeredWithSnapshot(places, subject, streamId)
    const ended = await run(places, subject, step)
    await using store = openStore({ engine: engineAt(places.place) })
    await using keys = keysOf(places)
    const readers = withPersonalData(store, { events: customerEvents, keys })
    const name = await nameIn(readers, streamId)
    // Either nothing has happened yet, or the person is gone already: nobody is left with an error.
    expect(ended === 'killed' ? ['Secret Name', '[erased]'] : ['[erased]']).toContain(name)
    if (ended === 'killed') await forget(store, { keys, subject }, { clock })
    expect(await nameIn(readers, streamId)).toBe('[erased]')
    expect(await places.keyBytes()).not.toContain(key)
    expect(await store.shelf.list({ prefix: `snapshot/${streamId}/` }).toArray()).toEqual([])
    expect(await store.readStream(`$erasure-${subjectRef(subject)}`).toArray()).toHaveLength(1)
    if (ended === 'done') return step - 1
  }
}

/** A customer with a snapshot; gives the text that the subject's key makes where the keys lie. */
async function registeredWithSnapshot(places: Places, subject: string, streamId: string): Promise<string> {
  await using beneath = openStore({ engine: engineAt(places.place) })
  await using keys = keysOf(places)
  const store = withPersonalData(beneath, { events: customerEvents, keys })
  await store.append(streamId, [registered({ customerId: subject, name: 'Secret Name', email: null })])
  for (let times = 0; times < 2; times++) {
    await (await execute(store, { decider: customer, streamId, command: 'pay' })).snapshot
  }
  const found = await keys.load(subjectRef(subject))
  const key = Buffer.from((found instanceof Map ? found.get(1) : undefined) ?? '').toString('latin1')
  expect(await places.keyBytes()).toContain(key)
  return key
}

async function nameIn(store: EventStore, streamId: string): Promise<string | undefined> {
  return ((await store.readStream(streamId).first())?.data as { name: string } | undefined)?.name
}

function everyByteIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n')
}

describe('forgetting that is done again after a kill at any step', () => {
  const folder = crashFolder('forget')
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('leaves no key and no plaintext, with SQLite and keys in files', { timeout: 240_000 }, async () => {
    const keysAt = join(folder, 'keys')
    const keyBytes = async (): Promise<string> => everyByteIn(keysAt)
    expect(await killedAtSteps({ place: join(folder, 'store.db'), keysAt, keyBytes })).toBeGreaterThan(20)
    expect(everyByteIn(folder)).not.toContain('Secret Name')
  })

  onNewestPostgres(({ cluster }) => {
    it('leaves no key', { timeout: 240_000 }, async () => {
      await using database = await freshDatabase(await cluster())
      const { url } = database
      const keyBytes = async (): Promise<string> => {
        const { default: pg } = await import('pg')
        const client = new pg.Client({ connectionString: url })
        await client.connect()
        const { rows } = await client.query<{ key: Buffer }>('select key from varve_keys.keys')
        await client.end()
        return rows.map(({ key }) => key.toString('latin1')).join('\n')
      }
      expect(await killedAtSteps({ place: url, keysAt: url, keyBytes })).toBeGreaterThan(7)
    })
  })
})
