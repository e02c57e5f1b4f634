import { describe, expect, it } from 'vitest'
import { dataIn } from '../projection-talk.ts'
import { lastServedStores } from '../stage.ts'
import { jsonEvent } from '../talk.ts'

describe.each(lastServedStores())('a projection over %s', (_, serve) => {
  it('folds, emits, stops and goes on where it was, and begins anew', async () => {
    const { client } = await serve()
    await client.appendToStream('Order-1', [placed(3), placed(4)])
    await client.createProjection('totals', query, { emitEnabled: true })
    const state = (partition: string) => client.getProjectionState('totals', { partition })
    await expect.poll(() => state('Order-1')).toEqual({ cents: 7 })
    await expect.poll(() => dataIn(client, 'sums')).toEqual([{ cents: 3 }, { cents: 7 }])
    await client.disableProjection('totals')
    await client.appendToStream('Order-2', placed(5))
    await client.enableProjection('totals')
    await expect.poll(() => dataIn(client, 'sums')).toEqual([{ cents: 3 }, { cents: 7 }, { cents: 5 }])
    expect(await client.getProjectionResult('totals', { partition: 'Order-2' })).toEqual({ cents: 5 })
    await client.resetProjection('totals')
    await expect.poll(async () => (await client.getProjectionStatus('totals')).eventsProcessedAfterRestart).toBe(3n)
    expect(await state('Order-1')).toEqual({ cents: 7 })
  })
})

const query = `fromCategory('Order').foreachStream().when({
  $init: () => ({ cents: 0 }),
  Placed(state, event) {
    state.cents += event.data.cents
    emit('sums', 'Sum', { cents: state.cents })
  },
}).outputState()`

function placed(cents: number) {
  return jsonEvent('Placed', { cents })
}
