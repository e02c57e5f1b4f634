import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { start, temporaryFolder } from '../../../../test/cli/varve.ts'
import { consumer, given, settings } from '../../../../test/kurrent/persistent.ts'
import { appendTo, placed } from '../../../../test/kurrent/talk.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

/** A server in a process of its own, and a client of it. */
async function serve() {
  const running = start(folder.path, ['serve', '--store', 'sqlite:shop.db', '--port', '0'])
  const kill = async (): Promise<void> => {
    running.child.kill('SIGKILL')
    await running.ended
  }
  // Whatever becomes of the test, and of the server before it says where it is.
  onTestFinished(kill)
  const printed = await running.printed(/^http:\/\/[^\t]+\t/)
  const { host } = new URL(printed.split('\t')[0] ?? '')
  const client = KurrentDBClient.connectionString`kurrentdb://${host}?tls=false`
  onTestFinished(() => client.dispose())
  return { client, kill }
}

it('gives what consumers had in hand again when the server was killed, and nothing whose end was saved', async () => {
  const { client, kill } = await serve()
  await appendTo(client, 'Order-1', placed(6))
  await client.createPersistentSubscriptionToStream('Order-1', 'group', settings({ checkPointAfter: 50 }))
  const reader = await consumer(client, 'Order-1', { acks: false, bufferSize: 4 })
  await given(reader, 4)
  await reader.ack(...reader.events.slice(0, 2))
  const info = (of: KurrentDBClient) => of.getPersistentSubscriptionToStreamInfo('Order-1', 'group')
  await expect.poll(async () => (await info(client)).stats.lastCheckpointedEventRevision).toBe(1n)
  await kill()
  const { client: later } = await serve()
  const again = await consumer(later, 'Order-1')
  await expect.poll(() => again.events.length, { timeout: 60_000 }).toBe(4)
  const revisions = again.events.map(({ event }) => Number(event?.revision)).sort()
  expect(revisions).toEqual([2, 3, 4, 5])
  const retried = again.events.filter(({ retryCount }) => retryCount > 0).map(({ event }) => Number(event?.revision))
  expect(retried).toEqual(expect.arrayContaining([2, 3]))
}, 90_000)
