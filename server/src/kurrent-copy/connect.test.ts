import { expect, it, vi } from 'vitest'
import { connectKurrent, lastPosition } from './connect.ts'

/** What the client of the next connection is made of. */
const made = vi.hoisted((): { rustClient?: unknown } => ({}))
vi.mock('@kurrent/kurrentdb-client', () => ({ default: { KurrentDBClient: { connectionString: () => made } } }))

it('a client without a reader of bytes is refused, with the version that has one', async () => {
  made.rustClient = undefined
  await expect(connectKurrent('kurrentdb://localhost')).rejects.toMatchObject({
    code: 'DRIVER_MISSING',
    message: expect.stringMatching(/npm install @kurrent\/kurrentdb-client@\d/),
  })
})

it.each([
  ['kurrentdb://ada:s3cret%2F%40%3A%3F@localhost:2113?tls=true', { username: 'ada', password: 's3cret/@:?' }],
  ['ESDB+DISCOVER://%C3%A4da:x@a:1,b:2', { username: 'äda', password: 'x' }],
  ['kurrentdb://localhost:2113?tlsCAFile=a:b@c', undefined],
])('the reader is given the user of %s', async (text, credentials) => {
  const asked: unknown[] = []
  const readAll = (options: object): ReadableStream => {
    asked.push(options)
    return new ReadableStream({ start: (pages) => pages.close() })
  }
  made.rustClient = { readAll }
  expect(await lastPosition(await connectKurrent(text), new AbortController().signal)).toBeUndefined()
  expect(asked).toMatchObject([{ direction: 'backwards', maxCount: 1n }])
  expect((asked[0] as { readonly credentials?: unknown }).credentials).toEqual(credentials)
})
