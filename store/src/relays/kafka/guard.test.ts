import { equal, ok, rejects } from 'node:assert/strict'
import * as kafka from '@platformatic/kafka'
import { describe, it } from 'vitest'
import { guard } from './guard.ts'

/** Nobody listens there. */
const nowhere = { clientId: 'test', bootstrapBrokers: ['127.0.0.1:1'], retries: 0 }

describe('a guarded client', () => {
  it('rejects all that is waited for when one of its callbacks throws', async () => {
    const client = new kafka.Producer<Buffer, Buffer, Buffer, Buffer>(nowhere)
    const { settled } = guard(kafka, client)
    const waiting = settled(new Promise(() => undefined))
    const cause = new TypeError('no such partition')
    client.connections.get({ host: '127.0.0.1', port: 1 }, () => {
      throw cause
    })
    await rejects(waiting, { code: 'TARGET_UNAVAILABLE', retryable: true, cause })
    await rejects(settled(Promise.resolve()), { cause })
    await client.close()
  })

  it('rejects it when the client emits an error', async () => {
    const client = new kafka.Producer<Buffer, Buffer, Buffer, Buffer>(nowhere)
    const { settled } = guard(kafka, client)
    const waiting = settled(new Promise(() => undefined))
    ok((client as unknown as NodeJS.EventEmitter).emit('error', new Error('Connection closed')))
    await rejects(waiting, /Connection closed/)
    await client.close()
  })

  it('settles as what it waits for does', async () => {
    const client = new kafka.Producer<Buffer, Buffer, Buffer, Buffer>(nowhere)
    const { settled } = guard(kafka, client)
    equal(await settled(Promise.resolve(7)), 7)
    await rejects(settled(client.metadata({ topics: ['orders'] })), { code: 'PLT_KFK_MULTIPLE' })
    await client.close()
  })
})
