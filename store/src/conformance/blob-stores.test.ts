import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { BlobStore } from '../claims/blob-store.ts'
import { memoryBlobs } from '../claims/memory-blobs.ts'
import { blobStoreConformance } from './index.ts'

/** Runs the suite on a blob store, and tells which of its cases fail. */
async function failing(open: () => BlobStore): Promise<readonly string[]> {
  const cases: (readonly [string, () => Promise<void>])[] = []
  const test = (name: string, run: () => Promise<void>): void => void cases.push([name.replace('blobs: ', ''), run])
  blobStoreConformance({ test, open: () => ({ blobs: open() }) })
  const failed: string[] = []
  for (const [name, run] of cases) {
    await run().catch(() => failed.push(name))
  }
  return failed
}

type Wrong = (right: BlobStore) => Partial<BlobStore>

const contentCases = [
  'gives back many chunks of odd sizes, under its digest, to everybody',
  'gives back chunks larger than what is held in memory, under its digest, to everybody',
]
const young = 'stores equal bytes once, and makes them young again'
const crowd = 'takes the same bytes from many at once'
const aside = 'still reads what is set aside, lists it as such, and takes it back'
const order = 'lists what is set aside first'
const removal = 'removes only what is set aside'
const claimed = 'keeps what a claim check checks in'

const wrongs: readonly (readonly [string, Wrong, readonly string[]])[] = [
  [
    'keeps the buffer it was given, which the source fills anew',
    (right) => ({
      put: async (content) => {
        const chunks: Uint8Array[] = []
        for await (const chunk of content) chunks.push(chunk)
        return right.put(
          (async function* () {
            yield* chunks
          })(),
        )
      },
    }),
    [...contentCases, crowd],
  ],
  [
    'lets bytes that are there already grow old',
    (right) => {
      const since = new Map<string, number>()
      return {
        list: async function* () {
          for await (const entry of right.list()) {
            since.set(entry.digest, since.get(entry.digest) ?? entry.sinceMs)
            yield { ...entry, sinceMs: since.get(entry.digest) ?? 0 }
          }
        },
      }
    },
    [young],
  ],
  [
    'lists a blob for each time that it was stored',
    (right) => {
      let puts = 0
      return {
        put: (content) => {
          puts++
          return right.put(content)
        },
        list: async function* () {
          for await (const entry of right.list()) for (let nth = 0; nth < puts; nth++) yield entry
        },
      }
    },
    [young, crowd, order, removal],
  ],
  [
    'keeps the half of what broke off',
    (right) => ({
      put: async (content) => {
        const chunks: Uint8Array[] = []
        let failure: unknown
        try {
          for await (const chunk of content) chunks.push(new Uint8Array(chunk))
        } catch (error) {
          failure = error
        }
        const stored = await right.put(
          (async function* () {
            yield* chunks
          })(),
        )
        if (failure !== undefined) throw failure
        return stored
      },
    }),
    ['stores nothing of content that breaks off, and hands on its error'],
  ],
  [
    'has an error of its own for content that breaks off',
    (right) => ({
      put: (content) =>
        right.put(content).catch(() => {
          throw new Error('it failed')
        }),
    }),
    ['stores nothing of content that breaks off, and hands on its error'],
  ],
  [
    'hides what is set aside',
    (right) => ({
      get: async function* (digest) {
        for await (const entry of right.list()) {
          if (entry.digest === digest && !entry.isSetAside) return yield* right.get(digest)
        }
        yield* right.get(createHash('sha256').update(digest).digest('hex'))
      },
    }),
    ['says what is missing', aside, removal],
  ],
  ['takes nothing back', () => ({ restore: async () => undefined }), ['refuses what is no digest', aside]],
  [
    'lists what is current first',
    (right) => ({
      list: async function* () {
        const all = []
        for await (const entry of right.list()) all.push(entry)
        yield* all.reverse()
      },
    }),
    [order],
  ],
  [
    'removes what nobody set aside',
    (right) => ({
      remove: async (digest) => {
        await right.setAside(digest)
        await right.remove(digest)
      },
    }),
    [removal],
  ],
  ['removes nothing', () => ({ remove: async () => undefined }), ['refuses what is no digest', removal]],
  [
    'gives nothing where there is nothing',
    (right) => ({
      get: async function* (digest) {
        for await (const entry of right.list()) if (entry.digest === digest) return yield* right.get(digest)
      },
    }),
    ['says what is missing', 'refuses what is no digest', removal],
  ],
  [
    'has digests of its own',
    (right) => ({ put: async (content) => ({ ...(await right.put(content)), digest: '0'.repeat(64) }) }),
    [claimed],
  ],
]

describe('the suite for blob stores', () => {
  it('passes what is right', async () => {
    expect(await failing(() => memoryBlobs())).toEqual([])
  })

  it.each(wrongs)('fails one that %s', async (_, wrong, expected) => {
    const failed = await failing(() => {
      const right = memoryBlobs()
      return { ...right, ...wrong(right) }
    })
    expect(failed).toEqual(expect.arrayContaining([...expected]))
  })
})
