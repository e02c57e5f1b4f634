import { describe, expect, it } from 'vitest'
import { bytesNamed, digestOf, gathered, itemsOf, listed } from '../../../test/blobs/bytes.ts'
import { type OpenFresh, onEveryEngine } from '../../../test/on-every-engine.ts'
import type { Clock } from '../engine/clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import type { BlobStore } from './blob-store.ts'
import { type ClaimCheck, claimCheck } from './claim-check.ts'
import { collectOrphans } from './collect-orphans.ts'
import { memoryBlobs } from './memory-blobs.ts'
import { verifyBlobs } from './verify-blobs.ts'

const dayMs = 24 * 60 * 60 * 1_000
const orphan = digestOf(bytesNamed('orphan'))

interface Scene {
  readonly blobs: BlobStore
  readonly claims: ClaimCheck
  readonly clock: Clock
  /** Lets so many days pass. */
  readonly pass: (days: number) => void
}

function scene(): Scene {
  let nowMs = 1_800_000_000_000
  const clock = { now: () => nowMs, sleep: async () => undefined, turn: async () => undefined }
  const pass = (days: number): void => {
    nowMs += days * dayMs
  }
  const blobs = memoryBlobs({ clock })
  return { blobs, claims: claimCheck(blobs), clock, pass }
}

async function sign(store: EventStore, { claims }: Scene, name: string): Promise<void> {
  const scan = await claims.check(bytesNamed(name))
  await store.append(`Contract-${name}`, [{ type: 'ContractSigned', data: { by: 'ada', scan } }])
}

onEveryEngine((open) => {
  collects(open)
  verifies(open)
})

function collects(open: OpenFresh): void {
  it('sets orphans aside, removes them a grace period later, and keeps what events name', async () => {
    const [store, given] = [await open(), scene()]
    await sign(store, given, 'kept')
    await given.claims.check(bytesNamed('orphan'))
    given.pass(8)
    const collect = () => collectOrphans(given.blobs, [store], { clock: given.clock })
    expect(await collect()).toMatchObject({ events: 1, named: 1, setAside: 1, removed: 0, waiting: 0 })
    expect(await gathered(given.blobs.get(orphan))).toEqual(bytesNamed('orphan'))
    given.pass(6)
    expect(await collect()).toMatchObject({ named: 1, setAside: 0, removed: 0, waiting: 1 })
    given.pass(2)
    expect(await collect()).toMatchObject({ named: 1, removed: 1, removedBytes: 100, waiting: 0 })
    expect(await listed(given.blobs)).toEqual([digestOf(bytesNamed('kept'))])
  })

  it('keeps what is named by events that no reader of their stream sees', async () => {
    const [store, given] = [await open(), scene()]
    for (const name of ['truncated', 'deleted', 'tombstoned']) await sign(store, given, name)
    await sign(store, given, 'truncated')
    await store.truncateBefore('Contract-truncated', 2)
    await store.deleteStream('Contract-deleted')
    await store.tombstone('Contract-tombstoned')
    given.pass(100)
    expect(await collectOrphans(given.blobs, [store], { clock: given.clock })).toMatchObject({ named: 3, setAside: 0 })
  })

  it('appends nothing and changes no event', async () => {
    const [store, given] = [await open(), scene()]
    await sign(store, given, 'kept')
    await given.claims.check(bytesNamed('orphan'))
    const before = (await store.readAll().toArray()).map(({ id, position, rawData }) => ({ id, position, rawData }))
    given.pass(8)
    await collectOrphans(given.blobs, [store], { clock: given.clock })
    const after = (await store.readAll().toArray()).map(({ id, position, rawData }) => ({ id, position, rawData }))
    expect(after).toEqual(before)
  })
}

function verifies(open: OpenFresh): void {
  it('finds every event whose blob is missing', async () => {
    const [store, given] = [await open(), scene()]
    for (const name of ['kept', 'lost']) await sign(store, given, name)
    const digest = digestOf(bytesNamed('lost'))
    await given.blobs.setAside(digest)
    expect((await itemsOf(verifyBlobs(given.blobs, [store]))).map(({ state }) => state)).toEqual(['sound', 'sound'])
    await given.blobs.remove(digest)
    const [event] = await store.readStream('Contract-lost').toArray()
    expect(await itemsOf(verifyBlobs(given.blobs, [store]))).toEqual([
      { kind: 'blob', digest: digestOf(bytesNamed('kept')), bytes: 100, state: 'sound' },
      { kind: 'event', digest, state: 'missing', eventId: event?.id, streamId: 'Contract-lost', position: 2 },
    ])
  })
}

describe('a collection', () => {
  const openMemory = (): EventStore => openStore({ engine: memory() })

  it('puts back what an event names by now', async () => {
    const [store, given] = [openMemory(), scene()]
    const scan = await given.claims.check(bytesNamed('late'))
    await sign(store, given, 'other')
    given.pass(8)
    await collectOrphans(given.blobs, [store], { clock: given.clock })
    expect(await listed(given.blobs)).toContain(`${digestOf(bytesNamed('late'))} aside`)
    await store.append('Contract-late', [{ type: 'ContractSigned', data: { scan } }])
    given.pass(8)
    expect(await collectOrphans(given.blobs, [store], { clock: given.clock })).toMatchObject({
      restored: 1,
      removed: 0,
    })
    expect(await given.claims.redeem(scan)).toEqual(bytesNamed('late'))
  })

  it('takes nothing from a check-in of the same bytes at the worst moment', async () => {
    const [store, given] = [openMemory(), scene()]
    await sign(store, given, 'other')
    await given.claims.check(bytesNamed('reused'))
    given.pass(8)
    const setAside = async (digest: string): Promise<void> => {
      await given.claims.check(bytesNamed('reused'))
      await given.blobs.setAside(digest)
    }
    await collectOrphans({ ...given.blobs, setAside }, [store], { clock: given.clock })
    given.pass(6)
    await sign(store, given, 'reused')
    await given.blobs.setAside(digestOf(bytesNamed('reused')))
    given.pass(20)
    await collectOrphans(given.blobs, [store], { clock: given.clock })
    const findings = await itemsOf(verifyBlobs(given.blobs, [store]))
    expect(findings.map(({ kind, state }) => `${kind} ${state}`)).toEqual(['blob sound', 'blob sound'])
  })

  it('keeps what any of the stores names', async () => {
    const [one, other, given] = [openMemory(), openMemory(), scene()]
    await sign(one, given, 'one')
    await sign(other, given, 'other')
    given.pass(8)
    const { clock } = given
    expect(await collectOrphans(given.blobs, [one, other], { clock })).toMatchObject({
      named: 2,
      setAside: 0,
      events: 2,
    })
    expect(await collectOrphans(given.blobs, [one], { clock })).toMatchObject({ named: 1, setAside: 1 })
    given.pass(30)
    expect(await collectOrphans(given.blobs, [one, other], { clock })).toMatchObject({ restored: 1, removed: 0 })
  })

  it('refuses a store that names no blob, unless it is told to go on', async () => {
    const [store, given] = [openMemory(), scene()]
    await store.append('Order-1', [{ type: 'OrderPlaced', data: {} }])
    const { clock } = given
    await collectOrphans(given.blobs, [store], { clock })
    await given.claims.check(bytesNamed('orphan'))
    given.pass(8)
    const refused = collectOrphans(given.blobs, [store], { clock })
    await expect(refused).rejects.toMatchObject({ code: 'NO_BLOB_NAMED', events: 1, blobs: 'memory' })
    expect(await listed(given.blobs)).toEqual([orphan])
    const told = { clock, whenNoneIsNamed: 'collect' as const }
    expect(await collectOrphans(given.blobs, [store], told)).toMatchObject({ setAside: 1 })
  })

  it('touches nothing when an event could not be read, or was passed over', async () => {
    const [store, given] = [openMemory(), scene()]
    await sign(store, given, 'a')
    await sign(store, given, 'b')
    await given.claims.check(bytesNamed('orphan'))
    given.pass(8)
    const events = await store.readAll().toArray()
    const broken = (read: () => AsyncGenerator<unknown>): EventStore =>
      new Proxy(store, { get: (target, key) => (key === 'readAll' ? read : Reflect.get(target, key)) })
    const failing = broken(async function* () {
      yield* events
      throw new Error('page lost')
    })
    const cut = broken(async function* () {
      yield* events.slice(0, 1)
    })
    const holed = broken(async function* () {
      yield* events.slice(1)
    })
    const { clock } = given
    await expect(collectOrphans(given.blobs, [failing], { clock })).rejects.toThrow('page lost')
    await expect(collectOrphans(given.blobs, [cut], { clock })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    await expect(collectOrphans(given.blobs, [holed], { clock })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    expect((await listed(given.blobs)).filter((line) => line.includes('aside'))).toEqual([])
  })

  it('tells what it would do, and does nothing', async () => {
    const [store, given] = [openMemory(), scene()]
    await sign(store, given, 'kept')
    await given.claims.check(bytesNamed('orphan'))
    given.pass(8)
    const { clock } = given
    expect(await collectOrphans(given.blobs, [store], { clock, dryRun: true })).toMatchObject({ named: 1, setAside: 1 })
    expect((await listed(given.blobs)).filter((line) => line.includes('aside'))).toEqual([])
  })

  it('goes on after an interruption', async () => {
    const [store, given] = [openMemory(), scene()]
    await sign(store, given, 'kept')
    for (let index = 0; index < 10; index++) await given.claims.check(bytesNamed(`orphan ${index}`))
    given.pass(8)
    const ending = new AbortController()
    const setAside = async (digest: string): Promise<void> => {
      await given.blobs.setAside(digest)
      ending.abort(new Error('Ctrl-C'))
    }
    const { clock } = given
    const interrupted = collectOrphans({ ...given.blobs, setAside }, [store], { clock, signal: ending.signal })
    await expect(interrupted).rejects.toThrow('Ctrl-C')
    expect(await collectOrphans(given.blobs, [store], { clock })).toMatchObject({ setAside: 9, waiting: 1, named: 1 })
  })

  it.each([
    [{ stores: [] }, 'stores'],
    [{ olderThanMs: -1 }, 'olderThanMs'],
    [{ olderThanMs: Number.NaN }, 'olderThanMs'],
    [{ whenNoneIsNamed: 'delete' }, 'whenNoneIsNamed'],
  ])('refuses %j', async ({ stores = [openMemory()], ...options }: object & { stores?: EventStore[] }, argument) => {
    const refused = collectOrphans(memoryBlobs(), stores, options)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument })
  })
})
