import { describe, expect, it } from 'vitest'
import { dataIn, eventsIn } from '../projection-talk.ts'
import { lastServedStores } from '../stage.ts'
import { binaryEvent, jsonEvent } from '../talk.ts'

describe.each(lastServedStores())('what projections write, over %s', (_, serve) => {
  it('are events and links, each with what it was emitted for', async () => {
    const { client } = await serve()
    const first = placed(3)
    await client.appendToStream('Order-1', [first, placed(4)])
    const query = `fromCategory('Order').when({ Placed(s, e) {
      linkTo('links', e, { why: 'test' })
      emit('big', 'Seen', { cents: e.data.cents }, { note: 1 }) } })`
    await client.createProjection('emitter', query, { emitEnabled: true })
    await expect.poll(() => dataIn(client, 'big')).toEqual([{ cents: 3 }, { cents: 4 }])
    expect(await dataIn(client, 'links')).toEqual([{ cents: 3 }, { cents: 4 }])
    const [seen] = await eventsIn(client, 'big')
    expect(seen?.event).toMatchObject({ type: 'Seen', metadata: { note: 1, $causedBy: first.id, $c: 1 } })
    const [link] = await eventsIn(client, 'links')
    expect(link?.link).toMatchObject({ type: '$>', metadata: { why: 'test', $causedBy: first.id } })
  })

  it('are results, each time that one changes', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(3), placed(4)])
    const query = `fromStream('Order-1').when({ Placed: (s, e) => ({ last: e.data.cents }) }).outputState()`
    await client.createProjection('last', query)
    await expect.poll(() => dataIn(client, '$projections-last-result')).toEqual([{ last: 3 }, { last: 4 }])
  })

  it('are results of partitions, and links to them in one place', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(4)])
    await client.appendToStream('Order-2', placed(5))
    const query = `fromCategory('Order').partitionBy((e) => e.streamId).when({
      $init: () => ({ sum: 0 }), Placed(s, e) { s.sum += e.data.cents } }).outputState()`
    await client.createProjection('sums', query)
    await expect.poll(() => dataIn(client, '$projections-sums-result')).toEqual([{ sum: 3 }, { sum: 7 }, { sum: 5 }])
    expect(await dataIn(client, '$projections-sums-Order-1-result')).toEqual([{ sum: 3 }, { sum: 7 }])
    await client.appendToStream('Order-1', placed(1))
    await expect.poll(() => dataIn(client, '$projections-sums-result')).toContainEqual({ sum: 8 })
  })

  it('go with the projection when that is wanted and they are tracked, but not its results', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(4)])
    const query = `fromCategory('Order').when({
      $init: () => ({ n: 0 }), Placed(s, e) { s.n++; emit('out-' + e.data.cents, 'Seen', {}) } }).outputState()`
    await client.createProjection('emitter', query, { emitEnabled: true, trackEmittedStreams: true })
    await expect.poll(() => dataIn(client, 'out-4')).toEqual([{}])
    await client.disableProjection('emitter')
    const everything = { deleteEmittedStreams: true, deleteStateStream: true, deleteCheckpointStream: true }
    await client.deleteProjection('emitter', everything)
    const streams = ['out-3', 'out-4', '$projections-emitter-checkpoint', '$projections-emitter-result']
    const left = await Promise.all(streams.map(async (stream) => (await eventsIn(client, stream)).length))
    expect(left).toEqual([0, 0, 0, 2])
  })

  it('feed other projections', async () => {
    const { client } = await serve()
    const doubling = `fromStream('in').when({ $any(s, e) { emit('out', 'Doubled', { n: e.data.n * 2 }) } })`
    await client.createProjection('doubling', doubling, { emitEnabled: true })
    await client.createProjection(
      'summing',
      `fromStream('out').when({ $init: () => 0, Doubled: (s, e) => s + e.data.n })`,
    )
    for (const n of [1, 2, 3]) await client.appendToStream('in', jsonEvent('N', { n }))
    await expect.poll(() => client.getProjectionState('summing')).toBe(12)
  })

  it('follow links, and know where they came by', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', placed(3))
    await client.appendToStream('links', binaryEvent('$>', Buffer.from('0@Order-1')))
    const seen = '(s, e) => [...s, [e.streamId, e.sequenceNumber, e.linkMetadata !== null]]'
    await client.createProjection('all', `fromAll().when({ $init: () => [], Placed: ${seen} })`)
    await client.createProjection(
      'with',
      `options({ $includeLinks: true }); fromAll().when({ $init: () => [], Placed: ${seen} })`,
    )
    await client.createProjection('by-link', `fromStream('links').when({ $init: () => [], Placed: ${seen} })`)
    await client.createProjection('by-type', `fromStream('$et-Placed').when({ $init: () => [], Placed: ${seen} })`)
    const direct = ['Order-1', 0, false]
    await expect.poll(() => client.getProjectionState('with')).toEqual([direct, direct])
    await expect.poll(() => client.getProjectionState('all')).toEqual([direct])
    await expect.poll(() => client.getProjectionState('by-link')).toEqual([direct])
    await expect.poll(() => client.getProjectionState('by-type')).toEqual([['Order-1', 0, true]])
  })

  it('hear of streams that end', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', placed(3))
    await client.appendToStream('Order-2', placed(4))
    const query = `fromCategory('Order').foreachStream().when({
      $init: () => ({ ended: '' }), Placed() {}, $deleted(s, _, partition, isSoft) { s.ended = isSoft ? 'soft' : 'hard' } })`
    await client.createProjection('ends', query)
    await client.deleteStream('Order-1')
    await client.tombstoneStream('Order-2')
    const ended = (partition: string) => client.getProjectionState('ends', { partition })
    await expect.poll(() => ended('Order-2')).toEqual({ ended: 'hard' })
    expect(await ended('Order-1')).toEqual({ ended: 'soft' })
  })
})

function placed(cents: number) {
  return jsonEvent('Placed', { cents })
}
