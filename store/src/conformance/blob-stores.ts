import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { BlobStore } from '../claims/blob-store.ts'
import { claimCheck } from '../claims/claim-check.ts'
import type { RegisterTest } from './case.ts'

/** A blob store, fresh and empty. */
export interface OpenedBlobs {
  readonly blobs: BlobStore
  /** Opens the same blobs a second time, beside the first, as another process does. */
  readonly openBeside?: () => BlobStore | Promise<BlobStore>
  /** Called when the case is over. */
  readonly cleanUp?: () => unknown
}

/** What {@link blobStoreConformance} takes. */
export interface BlobStoreConformance {
  /** Registers one test. */
  readonly test: RegisterTest
  /** Gives an empty blob store; called once for each case. */
  readonly open: () => OpenedBlobs | Promise<OpenedBlobs>
}

/**
 * Registers a test for every promise of a blob store, as `BlobStore` states them.
 *
 * @example
 * blobStoreConformance({ test, open: () => ({ blobs: memoryBlobs() }) })
 */
export function blobStoreConformance({ test, open }: BlobStoreConformance): void {
  for (const [name, run] of blobStoreCases) {
    test(`blobs: ${name}`, async () => {
      const { blobs, openBeside, cleanUp } = await open()
      try {
        await run(blobs, (await openBeside?.()) ?? blobs)
      } finally {
        await cleanUp?.()
      }
    })
  }
}

type BlobStoreCase = readonly [name: string, run: (blobs: BlobStore, beside: BlobStore) => Promise<void>]

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Bytes that are in no other blob of a case, and none of whose chunks is like another. */
function bytesNamed(name: string, length = 100): Uint8Array {
  let state = Buffer.from(name.padEnd(4)).readUInt32LE()
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}

/** Bytes in chunks, as a source that fills one buffer again and again gives them. */
async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunkBytes)
  for (let from = 0; from < bytes.byteLength; from += chunkBytes) {
    const length = Math.min(chunkBytes, bytes.byteLength - from)
    buffer.set(bytes.subarray(from, from + length))
    yield buffer.subarray(0, length)
  }
}

async function itemsOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Whether exactly these bytes are under their digest. */
async function assertGives(blobs: BlobStore, bytes: Uint8Array): Promise<void> {
  const given = Buffer.concat(await itemsOf(blobs.get(digestOf(bytes))))
  assert.ok(Buffer.compare(given, bytes) === 0, `${given.byteLength} bytes came back, other ones than were stored`)
}

async function assertMissing(blobs: BlobStore, digest: string): Promise<void> {
  await assert.rejects(itemsOf(blobs.get(digest)), { code: 'BLOB_MISSING', digest })
}

/** What is listed, sorted. */
async function listed(blobs: BlobStore): Promise<readonly string[]> {
  const lines = (await itemsOf(blobs.list())).map(({ digest, isSetAside }) => digest + (isSetAside ? ' aside' : ''))
  return lines.sort()
}

async function sinceMsOf(blobs: BlobStore, digest: string): Promise<number> {
  const found = (await itemsOf(blobs.list())).filter((entry) => entry.digest === digest)
  assert.equal(found.length, 1, `the blob is listed ${found.length} times`)
  return found[0]?.sinceMs ?? Number.NaN
}

/** Clocks of file systems and of servers step by a second or less; no store is so quick that it has not stepped by then. */
const putsUntilYounger = 20_000

const contents: readonly (readonly [name: string, length: number, chunkBytes: number])[] = [
  ['nothing', 0, 10],
  ['one byte', 1, 10],
  ['a chunk', 65_536, 65_536],
  ['many chunks of odd sizes', 1_000_003, 7_919],
  ['chunks larger than what is held in memory', 9_000_000, 5_000_000],
]

const noDigests = ['../../etc/passwd', '', `${'a'.repeat(63)}/`, 'A'.repeat(64), `${'a'.repeat(64)}\n`]

const storing: readonly BlobStoreCase[] = [
  ...contents.map(
    ([name, length, chunkBytes]): BlobStoreCase => [
      `gives back ${name}, under its digest, to everybody`,
      async (blobs, beside) => {
        const bytes = bytesNamed('blob', length)
        const stored = await blobs.put(inChunks(bytes, chunkBytes))
        assert.deepEqual({ ...stored }, { digest: digestOf(bytes), bytes: length })
        await assertGives(beside, bytes)
        const [entry] = await itemsOf(beside.list())
        assert.equal(entry?.bytes, length)
      },
    ],
  ),
  [
    'stores equal bytes once, and makes them young again',
    async (blobs, beside) => {
      const { digest } = await blobs.put(inChunks(bytesNamed('twice'), 10))
      const before = await sinceMsOf(blobs, digest)
      for (let puts = 0; puts < putsUntilYounger; puts++) {
        await beside.put(inChunks(bytesNamed('twice'), 33))
        if ((await sinceMsOf(blobs, digest)) > before) return
      }
      assert.fail('a blob that was stored again is as old as before: a collection would take it for an orphan')
    },
  ],
  [
    'takes the same bytes from many at once',
    async (blobs, beside) => {
      const bytes = bytesNamed('crowd', 200_000)
      const putting = Array.from({ length: 8 }, (_, who) =>
        (who % 2 === 0 ? blobs : beside).put(inChunks(bytes, 30_000)),
      )
      await Promise.all(putting)
      assert.deepEqual(await listed(blobs), [digestOf(bytes)])
      await assertGives(blobs, bytes)
    },
  ],
  [
    'stores nothing of content that breaks off, and hands on its error',
    async (blobs) => {
      const broken = new Error('the upload broke off')
      const content = async function* (): AsyncGenerator<Uint8Array> {
        yield bytesNamed('half')
        throw broken
      }
      const outcome: unknown = await blobs.put(content()).catch((error: unknown) => error)
      assert.equal(outcome, broken)
      assert.deepEqual(await listed(blobs), [])
      assert.equal(await blobs.removeUnfinished(Number.MAX_SAFE_INTEGER), 0)
    },
  ],
  [
    'keeps what a claim check checks in',
    async (blobs, beside) => {
      const bytes = bytesNamed('claimed', 300_000)
      const claim = await claimCheck(blobs).check(bytes, { contentType: 'text/plain' })
      assert.ok(Buffer.compare(await claimCheck(beside).redeem(claim), bytes) === 0)
    },
  ],
  ['says what is missing', (blobs) => assertMissing(blobs, digestOf(bytesNamed('never')))],
  [
    'refuses what is no digest',
    async (blobs) => {
      const refused = { code: 'INVALID_ARGUMENT', argument: 'digest' }
      for (const digest of noDigests) {
        await assert.rejects(async () => itemsOf(blobs.get(digest)), refused)
        await assert.rejects(async () => blobs.setAside(digest), refused)
        await assert.rejects(async () => blobs.restore(digest), refused)
        await assert.rejects(async () => blobs.remove(digest), refused)
      }
    },
  ],
]

const settingAside: readonly BlobStoreCase[] = [
  [
    'still reads what is set aside, lists it as such, and takes it back',
    async (blobs, beside) => {
      const { digest } = await blobs.put(inChunks(bytesNamed('aside'), 10))
      await blobs.setAside(digest)
      await assertGives(beside, bytesNamed('aside'))
      assert.deepEqual(await listed(beside), [`${digest} aside`])
      await beside.restore(digest)
      assert.deepEqual(await listed(blobs), [digest])
    },
  ],
  [
    'lists what is set aside first',
    async (blobs) => {
      for (const name of ['a', 'b', 'c', 'd']) {
        const { digest } = await blobs.put(inChunks(bytesNamed(name), 10))
        if (name !== 'a' && name !== 'd') await blobs.setAside(digest)
      }
      const order = (await itemsOf(blobs.list())).map(({ isSetAside }) => isSetAside)
      assert.deepEqual(order, [true, true, false, false])
    },
  ],
  [
    'removes only what is set aside',
    async (blobs, beside) => {
      const { digest } = await blobs.put(inChunks(bytesNamed('gone'), 10))
      await beside.remove(digest)
      assert.deepEqual(await listed(blobs), [digest])
      await blobs.setAside(digest)
      await beside.put(inChunks(bytesNamed('gone'), 10))
      await blobs.remove(digest)
      assert.deepEqual(await listed(blobs), [digest])
      await blobs.setAside(digest)
      await beside.remove(digest)
      assert.deepEqual(await listed(blobs), [])
      await assertMissing(blobs, digest)
    },
  ],
  [
    'changes nothing about blobs that are not there',
    async (blobs) => {
      const digest = digestOf(bytesNamed('never'))
      await blobs.setAside(digest)
      await blobs.restore(digest)
      await blobs.remove(digest)
      assert.deepEqual(await listed(blobs), [])
    },
  ],
  [
    'has a blob readable at every moment while it is moved to and fro',
    async (blobs, beside) => {
      const { digest } = await blobs.put(inChunks(bytesNamed('moving'), 10))
      let isOver = false
      const moving = (async () => {
        for (let round = 0; round < 20; round++) {
          await blobs.setAside(digest)
          await blobs.restore(digest)
        }
      })().finally(() => {
        isOver = true
      })
      while (!isOver) await assertGives(beside, bytesNamed('moving'))
      await moving
    },
  ],
]

const blobStoreCases: readonly BlobStoreCase[] = [...storing, ...settingAside]
