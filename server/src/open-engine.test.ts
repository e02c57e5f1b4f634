import { describe, expect, it } from 'vitest'
import { openEngine, openStoreAt } from './open-engine.ts'

describe('a store URL', () => {
  it('opens a store in memory', async () => {
    await using store = await openStoreAt('memory:')
    expect(store.capabilities.engine).toBe('memory')
  })

  it('opens a store in a file', async () => {
    await using store = await openStoreAt('sqlite::memory:')
    expect(store.capabilities.engine).toBe('sqlite')
  })

  it.each([
    ['shop.db', /names no store; known are sqlite:shop\.db/],
    ['', /names no store/],
    ['oracle:shop', /names no store/],
    ['memory:shop', /takes nothing after the colon/],
    ['sqlite:', /without a file: write sqlite:shop\.db/],
    ['sqlite://shop.db', /write sqlite:shop\.db for a file here, or sqlite:\/shop\.db/],
  ])('is refused when it is %j', async (url, says) => {
    await expect(openStoreAt(url)).rejects.toThrow(says)
    await expect(openEngine(url)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('of a server is no storage for a server', async () => {
    await expect(openEngine('http://127.0.0.1:2113')).rejects.toThrow(/storage of its own/)
  })
})
