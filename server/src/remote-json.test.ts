import type { EventStore } from 'varve'
import { connect } from 'varve/remote'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serverConfig } from './config.ts'
import { type RunningServer, startServer } from './server.ts'

/** Numbers that are not written the same again once they were parsed. */
const oddNumbers = [
  '1e400',
  '-1E400',
  '1e-400',
  '-0',
  '1.0',
  '1E3',
  '0.0000001',
  '12345678901234567890',
  '1234567890.12345678901',
]

/** The same for the JSON around them. */
const oddShapes = ['[1,1e999]', '{"a":1,"a":2}', '{"2":1,"1":2}', ' { "a" : 1 }\n']

const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

let server: RunningServer
let store: EventStore

beforeEach(async () => {
  server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  store = await connect({ url: server.url })
})
afterEach(async () => {
  await store.close()
  await server.close()
})

describe('a remote store', () => {
  it.each([...oddNumbers, ...oddShapes])('keeps JSON that came as bytes exactly: %s', async (text) => {
    const data = new TextEncoder().encode(text)
    await store.append('Exact-1', [{ type: 'A', data, contentType: 'application/json', metadata: data }])
    for (const reader of [server.store, store]) {
      const found = await reader.readStream('Exact-1').first()
      expect(textOf(found?.rawData)).toBe(text)
      expect(textOf(found?.rawMetadata)).toBe(text)
    }
  })

  it.each([...oddNumbers, '"\\u0041\\/"'])('keeps JSON that a value brings as text exactly: %s', async (text) => {
    const raw = rawJSON(text)
    await store.append('Exact-1', [{ type: 'A', data: { raw }, metadata: { raw } }])
    for (const reader of [server.store, store]) {
      const found = await reader.readStream('Exact-1').first()
      expect(textOf(found?.rawData)).toBe(`{"raw":${text}}`)
      expect(textOf(found?.rawMetadata)).toBe(`{"raw":${text}}`)
      expect([found?.contentType, found?.metadataContentType]).toEqual(['application/json', 'application/json'])
    }
  })
})

function textOf(payload: string | Uint8Array | undefined): string {
  return Buffer.from(payload ?? '').toString()
}
