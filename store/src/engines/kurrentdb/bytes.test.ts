import { deepEqual, equal } from 'node:assert/strict'
import { it } from 'vitest'
import { onKurrent } from '../../../../test/kurrent/database.ts'
import { eventFor, eventsOf, land, request, statusOf } from '../../conformance/port.ts'
import { toBytes } from '../../model/payload.ts'

const texts: readonly string[] = [
  '{"b":1,"a":2,"2":3,"1":4}',
  '{"twice":1,"twice":2}',
  ' [ 1.0, 1e2, -0 ] ',
  '"\\u00fc\\ud800"',
  `{"huge":1e400,"long":${'9'.repeat(400)}}`,
  '12345678901234567890',
  '{"__proto__":{"a":1}}',
  'null',
  '',
  'no JSON at all',
]

onKurrent(({ engineIn, freshNamespace }) => {
  it('gives JSON back to the byte, however it was written', async () => {
    const engine = engineIn(freshNamespace())
    for (const data of texts) await land(engine, eventFor('Order-1', { data, metadata: data }))

    const events = await eventsOf(engine, 'Order-1')

    const bytes = texts.map(toBytes)
    deepEqual(
      events.map(({ data }) => new Uint8Array(toBytes(data))),
      bytes,
    )
    deepEqual(
      events.map(({ metadata }) => new Uint8Array(toBytes(metadata))),
      bytes,
    )
    await engine.close()
  })

  it('knows an append again whose answer was lost, from what is stored alone', async () => {
    const namespace = freshNamespace()
    const [first, second] = [engineIn(namespace), engineIn(namespace)]
    const append = request([eventFor('Order-1')], { checks: [{ streamId: 'Order-1', expectedVersion: 'no_stream' }] })
    equal(await statusOf(first, append), 'done')
    equal(await statusOf(second, append), 'repeated')
    equal(await statusOf(first, append), 'repeated')
    await first.close()
    await second.close()
  })
})
