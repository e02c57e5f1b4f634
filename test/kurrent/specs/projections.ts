import { describe, expect, it } from 'vitest'
import { lastServedStores } from '../stage.ts'
import { jsonEvent } from '../talk.ts'

// On one store: each projection is a thread, and what they ask of the store is tried on every engine elsewhere.
describe.each(lastServedStores())('projections over %s', (_, serve) => {
  it('fold events into a state, those that were there and those that come', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(4)])
    await client.createProjection('totals', totals)
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 2, cents: 7 })
    await client.appendToStream('Order-2', placed(5))
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 3, cents: 12 })
    const status = await client.getProjectionStatus('totals')
    expect(status).toMatchObject({ name: 'totals', status: 'Running', position: 'C:3/P:3', progress: 100 })
    expect(status.eventsProcessedAfterRestart).toBe(3n)
  })

  it('have no state before their first event', async () => {
    const { client } = await serve()
    await client.createProjection('totals', totals)
    expect([await client.getProjectionState('totals'), await client.getProjectionResult('totals')]).toEqual([{}, {}])
    await client.disableProjection('totals')
    await client.enableProjection('totals')
    expect(await client.getProjectionState('totals')).toEqual({})
    await client.appendToStream('Order-1', jsonEvent('Paid', {}))
    await client.appendToStream('Order-1', placed(3))
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 1, cents: 3 })
  })

  it('keep a state for each partition', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(4)])
    await client.appendToStream('Order-2', placed(5))
    await client.createProjection('by-stream', totals.replace('.when', '.foreachStream().when'))
    const state = (partition: string) => client.getProjectionState('by-stream', { partition })
    await expect.poll(() => state('Order-2')).toEqual({ count: 1, cents: 5 })
    expect(await state('Order-1')).toEqual({ count: 2, cents: 7 })
    expect(await state('Order-9')).toEqual({})
    expect(await client.getProjectionStatus('by-stream')).toMatchObject({ partitionsCached: 2 })
  })

  it('keep one for each stream of a category, whose links count for it, as do its metadata', async () => {
    const { client } = await serve()
    await client.appendToStream(
      'acts',
      [1, 2].map((n) => jsonEvent('Napped', { cat: n })),
    )
    await client.setStreamMetadata('acts', { maxCount: 9 })
    const linking = `fromStream('acts').when({ $any(s, e) { linkTo('cat-' + e.data.cat, e) } })`
    await client.createProjection('linking', linking, { emitEnabled: true })
    const counting = `.foreachStream().when({ $init: () => 0, $any: (n) => n + 1 })`
    await client.createProjection('naps', `fromCategory('cat')${counting}`)
    await client.createProjection('all', `fromAll()${counting}`)
    const stateOf = (name: string, partition: string) => client.getProjectionState(name, { partition })
    await expect.poll(() => stateOf('naps', 'cat-2')).toBe(1)
    expect([await stateOf('naps', 'cat-1'), await stateOf('naps', 'acts')]).toEqual([1, {}])
    await expect.poll(() => stateOf('all', 'acts')).toBe(3)
  })

  it('have results, as the query transforms the state', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', placed(3))
    await client.createProjection('euros', `${totals}.transformBy((s) => ({ euros: s.cents / 100 }))`)
    await expect.poll(() => client.getProjectionResult('euros')).toEqual({ euros: 0.03 })
    await client.disableProjection('euros')
    expect(await client.getProjectionResult('euros')).toEqual({ euros: 0.03 })
    expect(await client.getProjectionState('euros')).toEqual({ count: 1, cents: 3 })
  })

  it('stop where they are, and go on from there', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', placed(3))
    await client.createProjection('totals', totals)
    await expect.poll(() => client.getProjectionState('totals')).toMatchObject({ count: 1 })
    await client.disableProjection('totals')
    const stopped = await client.getProjectionStatus('totals')
    expect(stopped).toMatchObject({ status: 'Stopped', lastCheckpoint: stopped.position })
    await client.appendToStream('Order-1', placed(4))
    await client.enableProjection('totals')
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 2, cents: 7 })
    expect(await client.getProjectionStatus('totals')).toMatchObject({ eventsProcessedAfterRestart: 1n })
  })

  it('are aborted without a checkpoint, and fold the same again', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', placed(3))
    await client.createProjection('totals', totals)
    await expect.poll(() => client.getProjectionState('totals')).toMatchObject({ count: 1 })
    await client.abortProjection('totals')
    expect(await client.getProjectionStatus('totals')).toMatchObject({
      status: 'Aborted/Stopped',
      lastCheckpoint: 'C:0/P:0',
    })
    await client.enableProjection('totals')
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 1, cents: 3 })
  })

  it('go on with another query, or begin anew with it', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(4)])
    await client.createProjection('totals', totals)
    await expect.poll(() => client.getProjectionState('totals')).toMatchObject({ count: 2 })
    await client.updateProjection('totals', totals.replace('state.count++', 'state.count += 10'))
    await client.appendToStream('Order-1', placed(5))
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 12, cents: 12 })
    await client.resetProjection('totals')
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 30, cents: 12 })
    expect(await client.getProjectionStatus('totals')).toMatchObject({ version: 1n, epoch: 1n })
    await client.disableProjection('totals')
    await client.resetProjection('totals')
    expect(await client.getProjectionState('totals')).toEqual({})
    const reset = { status: 'Stopped', position: 'C:0/P:0', eventsProcessedAfterRestart: 0n }
    expect(await client.getProjectionStatus('totals')).toMatchObject(reset)
  })

  it('are listed with those of the system, created once, and gone when they are deleted', async () => {
    const { client } = await serve()
    await client.createProjection('totals', totals)
    await expect(client.createProjection('totals', totals)).rejects.toMatchObject({ code: 6 })
    const listed = await client.listProjections()
    expect(listed.map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
      '$by_category Running',
      '$by_event_type Running',
      '$stream_by_category Running',
      '$streams Running',
      'totals Running',
    ])
    await expect(client.deleteProjection('totals')).rejects.toThrow(/hasn't been stopped or faulted/)
    await client.disableProjection('totals')
    const everything = { deleteEmittedStreams: true, deleteStateStream: true, deleteCheckpointStream: true }
    await client.deleteProjection('totals', everything)
    await expect(client.getProjectionStatus('totals')).rejects.toMatchObject({ code: 5 })
  })

  it('are refused by their names where there is none', async () => {
    const { client } = await serve()
    const calls = [
      () => client.getProjectionStatus('none'),
      () => client.getProjectionState('none'),
      () => client.getProjectionResult('none'),
      () => client.enableProjection('none'),
      () => client.disableProjection('none'),
      () => client.resetProjection('none'),
      () => client.updateProjection('none', totals),
      () => client.deleteProjection('none'),
    ]
    for (const call of calls) await expect(call()).rejects.toThrow(/There is no projection none/)
    await expect(client.createProjection('$mine', totals)).rejects.toThrow(/begins with \$/)
    const untracked = client.createProjection('mute', totals, { trackEmittedStreams: true })
    await expect(untracked).rejects.toThrow(/emitEnabled must be true/)
    await expect(client.disableProjection('$by_category')).rejects.toThrow(/is a view of the store/)
    await client.enableProjection('$by_category')
  })

  it('begin anew together', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', placed(3))
    await client.createProjection('totals', totals)
    await expect.poll(() => client.getProjectionState('totals')).toMatchObject({ count: 1 })
    await client.restartSubsystem()
    await client.appendToStream('Order-1', placed(4))
    await expect.poll(() => client.getProjectionState('totals')).toEqual({ count: 2, cents: 7 })
  })
})

const totals = `fromCategory('Order').when({
  $init: () => ({ count: 0, cents: 0 }),
  Placed(state, event) {
    state.count++
    state.cents += event.body.cents
  },
})`

function placed(cents: number) {
  return jsonEvent('Placed', { cents })
}
