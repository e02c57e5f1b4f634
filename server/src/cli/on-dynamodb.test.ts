import { connect } from 'varve/remote'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { type Ended, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { onDynamoDB } from '../../../test/dynamodb/on-dynamodb.ts'
import type { DynamoDBServer } from '../../../test/dynamodb/server.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
afterEach(() => void vi.unstubAllEnvs())

const credentials = { AWS_ACCESS_KEY_ID: 'varve', AWS_SECRET_ACCESS_KEY: 'varve' }

function freshUrl({ endpoint, freshTable }: DynamoDBServer): string {
  return `dynamodb://${freshTable()}?region=eu-west-1&endpoint=${endpoint}`
}

function on(url: string): (...words: readonly string[]) => Promise<Ended> {
  return (...words) => varve(folder.path, words, { env: { ...credentials, VARVE_STORE: url } })
}

onDynamoDB((server) => {
  describe('the command line on DynamoDB', () => {
    it('makes the table, appends, reads, lists and examines', async () => {
      const run = on(freshUrl(server()))
      expect(await run('migrate', '--status')).toMatchObject({ code: 1, stdout: 'absent\t0\t1\n' })
      expect(await run('head')).toMatchObject({ code: 1, stderr: expect.stringContaining("varve migrate --up'") })
      expect(await run('migrate', '--up')).toMatchObject({ code: 0, stdout: 'up\t1\t1\n' })
      await run('append', 'Order-7', 'OrderPlaced', '{"total":1}', '--tag', 'customer:ada')
      expect(await run('append', 'Order-7', 'Late', '--expected', '0')).toMatchObject({ code: 3, stdout: '' })
      expect((await run('streams', 'Order')).stdout).toBe('Order-7\t1\topen\t1\n')
      expect(await run('doctor')).toMatchObject({ code: 0, stdout: expect.stringContaining('deleted by mistake') })
    })

    it('makes a table for a log in shards, and everything goes on there by its URL', async () => {
      const url = freshUrl(server())
      const run = on(`${url}&logShards=4`)
      expect(await run('migrate', '--up')).toMatchObject({ code: 0 })
      for (const order of ['1', '2']) await run('append', `Order-${order}`, 'OrderPlaced', `{"order":${order}}`)
      expect((await run('read', 'Order-2')).stdout).toContain('"order":2')
      expect((await run('read')).stdout.trim().split('\n')).toHaveLength(2)
      expect((await run('tail', '-n', '2', '--limit', '2')).stdout.trim().split('\n')).toHaveLength(2)
      const examined = await run('doctor')
      expect(examined).toMatchObject({ code: 0, stdout: expect.stringContaining('4 log shards') })
      expect(examined.stdout).toMatch(/positions\t2 events, in order up to positions .* of the log shards/)
      const refused = await on(url)('read')
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('?logShards=4') })
    })

    it('refuses what only a database has', async () => {
      const refused = await on(freshUrl(server()))('migrate', '--grant', 'app')
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('IAM') })
    })

    it.each([1, 4])('is what a server keeps its events in, with %i log shards', async (logShards) => {
      for (const [name, value] of Object.entries(credentials)) vi.stubEnv(name, value)
      const url = `${freshUrl(server())}&logShards=${logShards}`
      const running = await startServer(serverConfig({ store: url, port: 0, logLevel: 'silent' }))
      await using store = await connect({ url: running.url })
      const { position } = await store.append('Order-1', [{ type: 'OrderPlaced', data: { total: 1 } }])
      expect(await store.readStream('Order-1').first()).toMatchObject({ type: 'OrderPlaced', position })
      expect(store.capabilities).toMatchObject({ engine: 'dynamodb', durable: true, logShards })
      await running.close()
    })
  })
})
