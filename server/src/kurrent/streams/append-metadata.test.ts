import { randomUUID } from 'node:crypto'
import { type EventStore, memory, openStore } from 'varve'
import { expect, it } from 'vitest'
import { openAccess } from '../../auth/access.ts'
import { appendMetadata } from './append-metadata.ts'
import { deleteStream } from './delete-stream.ts'
import { metadataType } from './metadata-text.ts'
import type { ProposedWrite } from './proposed-write.ts'

function metadata(values: object): ProposedWrite {
  const [data, customMetadata] = [Buffer.from(JSON.stringify(values)), Buffer.alloc(0)]
  const event = { id: randomUUID(), type: metadataType, isJson: true, data, customMetadata }
  return { stream: '$$Order-1', expected: 'any', events: [event] }
}

it('metadata that are set while their stream is deleted show nothing of it again', async () => {
  await using store = openStore({ engine: memory() })
  await store.append('Order-1', [{ type: 'Placed', data: {} }])
  let isDeleted = false
  const append: EventStore['append'] = async (...given) => {
    const order = { stream: 'Order-1', expected: 'any', deadline: undefined } as const
    if (!isDeleted) await deleteStream(store, openAccess, order, {})
    isDeleted = true
    return store.append(...given)
  }
  await appendMetadata({ ...store, append }, metadata({ owner: 'ada' }), {})
  expect((await store.getStreamMetadata('Order-1')).values).toMatchObject({ owner: 'ada' })
  expect(await store.readStream('Order-1').toArray()).toEqual([])
})
