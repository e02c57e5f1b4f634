import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { first, freshDatabase } from '../../test/postgres/database.ts'
import { onPostgres } from '../../test/postgres/on-postgres.ts'
import { serverConfig } from './config.ts'
import { openEngine, openStoreAt } from './open-engine.ts'
import { startServer } from './server.ts'

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
    ['postgres:shop', /no URL of a database: write postgres:\/\//],
    ['postgres://ada:100%@db/shop', /%25 for a %/],
    ['postgres://ada@db:port/shop', /no URL of a database/],
    ['postgres://db/shop?listen=no', /listen is neither true nor false/],
    ['postgres://db/shop?schema=a&schema=b', /says schema, prepare or listen twice/],
    ['postgres://db/shop?schema=', /schema is not a name/],
    ['dynamodb:shop', /no table of DynamoDB: write dynamodb:\/\/table\?region/],
    ['dynamodb://shop?zone=a', /no table of DynamoDB/],
    ['dynamodb://shop?logShards=many', /logShards is no number/],
    ['dynamodb://shop?logShards=65', /logShards is not a whole number from 1 to 64/],
    ['dynamodb://shop?region=a&region=b', /no table of DynamoDB/],
    ['dynamodb://a', /table is not a name of 3 to 255/],
    ['dynamodb://shop?endpoint=localhost', /endpoint is not the URL of a server/],
    ['kurrentdb://db?namespace=a&namespace=b', /says namespace twice/],
    ['kurrentdb://db?namespace=a-b', /namespace is not 1 to 50/],
    ['sqlite://shop.db', /write sqlite:shop\.db for a file here, or sqlite:\/shop\.db/],
  ])('is refused when it is %j', async (url, says) => {
    await expect(openStoreAt(url)).rejects.toThrow(says)
    await expect(openEngine(url)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('of a server is no storage for a server', async () => {
    await expect(openEngine('http://127.0.0.1:2113')).rejects.toThrow(/storage of its own/)
  })

  it.each(['kurrentdb://db:2113?namespace=shop', 'esdb+discover://db?tls=false', 'kdb://db'])(
    'opens %s',
    async (url) => {
      await using store = await openStoreAt(url)
      expect(store.capabilities.engine).toBe('kurrentdb')
    },
  )

  it('of a KurrentDB says which part of it is the store', async () => {
    await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
    const url = `kurrentdb://${new URL(server.url).host}?tls=false&namespace=shop`
    await using store = await openStoreAt(url)
    await store.append('Order-1', [{ type: 'A', data: {} }])
    expect((await server.store.readStream('shop:Order-1').first())?.type).toBe('A')
  })

  it('of a KurrentDB that makes no sense is refused without its password', async () => {
    await using store = await openStoreAt('kurrentdb://ada:s3cret@db:port:7?tls=perhaps')
    const error: unknown = await store.head().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret')
  })

  it.each([
    'postgres://ada:s3cret@@db:x/shop',
    'postgres:ada:s3cret@db',
    'postgress://ada:s3cret@db/shop',
    'postgres://ada:s3cret@db/shop?prepare=maybe',
    'postgres://ada:s3cret%@db/shop',
    'ftp://ada:s3cret@db',
  ])('is refused without its password: %s', async (url) => {
    const error: unknown = await openEngine(url).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret')
  })
})

onPostgres(({ cluster }) => {
  describe('a store URL of a database', () => {
    it('opens the schema that it names, and hands all else to the driver', async () => {
      await using database = await freshDatabase(await cluster())
      const url = `${database.url}?schema=one&application_name=shop&prepare=false&listen=false`
      await using store = await openStoreAt(url)
      await store.append('Order-1', [{ type: 'A', data: {} }])
      expect(await first(database, 'select stream_id from one.events')).toBe('Order-1')
      const names = "select count(*) from pg_stat_activity where application_name = 'shop'"
      expect(await first(database, names)).not.toBe('0')
    })

    it('makes nothing when a store has to be there', async () => {
      await using database = await freshDatabase(await cluster())
      await using store = await openStoreAt(database.url.replace('postgres:', 'postgresql:'), 'existing')
      await expect(store.head()).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/no store in schema "varve".*varve migrate --up/),
      })
      expect(await first(database, "select to_regnamespace('varve')")).toBeNull()
    })

    it('has a password that no error tells', async () => {
      const url = new URL((await cluster()).url)
      url.password = 's3cret'
      await using store = await openStoreAt(url.href)
      const error: unknown = await store.head().catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'ENGINE_FAILED', message: expect.stringContaining('password was refused') })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret')
    })
  })
})
