import { memory, openStore, systemClock } from 'varve'
import { expect, it, onTestFinished } from 'vitest'
import { followAcls } from './stream-acls.ts'

it('takes lists from streams of metadata, and from no other stream whose name begins alike', async () => {
  const store = openStore({ engine: memory() })
  const closing = new AbortController()
  onTestFinished(() => closing.abort())
  const list = { type: '$metadata', data: { $acl: { $r: 'ada' } } }
  await store.append('$settings-1', [list])
  const { position } = await store.append('$$Order-1', [list])
  const acls = await followAcls({ store, clock: systemClock, closing: closing.signal, failed: () => undefined })
  await acls.reached(position)
  expect(acls.of('ettings-1')).toBeUndefined()
  expect(acls.of('Order-1')).toMatchObject({ read: ['ada'] })
})

it('follows lists in every log shard, and knows which positions of each it has reached', async () => {
  const store = openStore({ engine: memory({ logShards: 4 }) })
  const closing = new AbortController()
  onTestFinished(() => closing.abort())
  const acls = await followAcls({ store, clock: systemClock, closing: closing.signal, failed: () => undefined })
  for (let number = 0; number < 12; number++) {
    const { position } = await store.append(`$$Order-${number}`, [{ type: '$metadata', data: { $acl: { $r: 'ada' } } }])
    await acls.reached(position)
    expect(acls.of(`Order-${number}`)).toMatchObject({ read: ['ada'] })
  }
})
