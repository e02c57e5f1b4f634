import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterEach, expect, it } from 'vitest'
import { type ServerFlags, serverConfig } from '../../config.ts'
import { type RunningServer, startServer } from '../../server.ts'

const query = `fromCategory('Order').foreachStream().when({
  $init: () => ({ sum: 0 }),
  Placed(s, e) { s.sum += e.data.n; emit('sums', 'Sum', { sum: s.sum, of: e.streamId }) } }).outputState()`

it('go on on the next server where the last one stopped, with all their states, and emit nothing twice', async () => {
  const serve = sharedPlace()
  const first = await serve()
  await orders(first, [1, 2, 3])
  await first.client.createProjection('sums', query, { emitEnabled: true })
  await expect.poll(() => sumsIn(first)).toEqual([1, 2, 3])
  await first.close()
  const second = await serve()
  await orders(second, [10, 20, 30])
  await expect.poll(() => sumsIn(second)).toEqual([1, 2, 3, 11, 22, 33])
  expect(await second.client.getProjectionState('sums', { partition: 'Order-1' })).toEqual({ sum: 22 })
  expect(await second.client.getProjectionStatus('sums')).toMatchObject({ eventsProcessedAfterRestart: 3n })
})

it('run on one of two servers, and on the other one when it is gone, whoever is asked', async () => {
  const serve = sharedPlace()
  const [one, other] = [await serve(), await serve()]
  await orders(one, [1, 2])
  await one.client.createProjection('sums', query, { emitEnabled: true })
  await expect.poll(() => sumsIn(other)).toEqual([1, 2])
  await expect.poll(async () => (await other.client.getProjectionStatus('sums')).status).toBe('Running')
  await other.client.disableProjection('sums')
  expect(await one.client.getProjectionStatus('sums')).toMatchObject({ status: 'Stopped' })
  await one.client.enableProjection('sums')
  await one.close()
  await orders(other, [10, 20])
  await expect.poll(() => sumsIn(other)).toEqual([1, 2, 11, 22])
})

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Served {
  readonly server: RunningServer
  readonly client: KurrentDBClient
  close(): Promise<void>
}

/** One file that servers share. */
function sharedPlace() {
  const folder = mkdtempSync(join(tmpdir(), 'varve-projections-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  return async (flags: ServerFlags = {}): Promise<Served> => {
    const store = `sqlite:${join(folder, 'store.db')}`
    const server = await startServer(serverConfig({ store, port: 0, logLevel: 'silent', ...flags }))
    const client = KurrentDBClient.connectionString`kurrentdb://${new URL(server.url).host}?tls=false`
    const close = async (): Promise<void> => {
      await client.dispose()
      await server.close()
    }
    ends.push(close)
    return { server, client, close }
  }
}

async function orders({ server }: Served, numbers: readonly number[]): Promise<void> {
  for (const [at, n] of numbers.entries()) await server.store.append(`Order-${at}`, [{ type: 'Placed', data: { n } }])
}

async function sumsIn({ server }: Served): Promise<unknown[]> {
  const events = await server.store.readStream('sums').toArray()
  return events.map(({ data }) => (data as { sum: number }).sum)
}
