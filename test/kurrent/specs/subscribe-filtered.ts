import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { appendTo, briefly, type Heard, heardEvents, jsonEvent, listen, placed } from '../talk.ts'

interface Filtered {
  readonly heard: Heard
  /** Where checkpoints were told, and how many events had come before each. */
  readonly checkpoints: (readonly [position: number, eventsBefore: number])[]
}

function subscribe(client: KurrentDBClient, filter: object, options: object = {}): Filtered {
  const checkpoints: [number, number][] = []
  const checkpointReached = async (__: unknown, position: { commit: bigint }): Promise<void> => {
    checkpoints.push([Number(position.commit), heard.events.length])
  }
  const whole = { filterOn: 'streamName', checkpointInterval: 1, checkpointReached, ...filter }
  const heard = listen(client.subscribeToAll({ filter: whole, ...options } as object))
  return { heard, checkpoints }
}

describe.each(servedStores())('a subscription with a filter over %s', (_, serve) => {
  it('delivers what passes, of what is there and of what comes', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    await appendTo(client, 'Customer-1', placed(2))
    const byStream = subscribe(client, { prefixes: ['Order-'] }).heard
    const byType = subscribe(client, { filterOn: 'eventType', regex: '^Pai' }).heard
    await expect.poll(() => [byStream, byType].every(({ caughtUp }) => caughtUp.length === 1)).toBe(true)
    await appendTo(client, 'Customer-1', jsonEvent('Paid', {}))
    await appendTo(client, 'Order-1', jsonEvent('Paid', {}))
    await heardEvents(byStream, 3)
    await heardEvents(byType, 2)
    expect(byStream.order).toEqual([
      'confirmation',
      'Order-1/0 Placed',
      'Order-1/1 Placed',
      'caughtUp',
      'Order-1/2 Paid',
    ])
    expect(briefly(byType.events)).toEqual(['Customer-1/2 Paid', 'Order-1/2 Paid'])
  })

  it('tells how far it has looked, every so many events, also where none passes', async () => {
    const { client } = await serve()
    await appendTo(client, 'Customer-1', placed(25))
    await appendTo(client, 'Order-1', placed(2))
    await appendTo(client, 'Customer-1', placed(10))
    const { heard, checkpoints } = subscribe(client, {
      prefixes: ['Order-'],
      maxSearchWindow: 5,
      checkpointInterval: 2,
    })
    await heardEvents(heard, 2)
    await expect.poll(() => checkpoints.map(([position]) => position)).toEqual([10, 20, 30, 37])
    expect(checkpoints.map(([, events]) => events)).toEqual([0, 0, 2, 2])
  })

  it('goes on telling it while it follows', async () => {
    const { client } = await serve()
    const { heard, checkpoints } = subscribe(client, { prefixes: ['Order-'], maxSearchWindow: 4 })
    await expect.poll(() => heard.caughtUp.length).toBe(1)
    for (let count = 0; count < 9; count++) await appendTo(client, 'Customer-1', placed(1))
    await expect.poll(() => checkpoints.map(([position]) => position)).toEqual([4, 8])
    await appendTo(client, 'Order-1', placed(4))
    await heardEvents(heard, 4)
    await expect.poll(() => checkpoints.map(([position]) => position)).toEqual([4, 8, 12])
    expect(checkpoints.at(-1)?.[1]).toBe(3)
  })

  it('looks at 32 events before it tells, unless told otherwise', async () => {
    const { client } = await serve()
    await appendTo(client, 'Customer-1', placed(100))
    const { checkpoints } = subscribe(client, { prefixes: ['Order-'] })
    await expect.poll(() => checkpoints.map(([position]) => position)).toEqual([32, 64, 96, 100])
  })

  it('may be gone on with behind every checkpoint, and misses nothing', async () => {
    const { client } = await serve()
    for (let count = 0; count < 20; count++) {
      await appendTo(client, count % 3 === 0 ? 'Order-1' : 'Customer-1', placed(1))
    }
    const { heard, checkpoints } = subscribe(client, { prefixes: ['Order-'], maxSearchWindow: 3 })
    await expect.poll(() => checkpoints.at(-1)?.[0]).toBe(20)
    for (const [position, before] of checkpoints) {
      const at = BigInt(position)
      const again = subscribe(client, { prefixes: ['Order-'] }, { fromPosition: { commit: at, prepare: at } }).heard
      await expect.poll(() => again.caughtUp.length).toBe(1)
      expect(briefly(again.events)).toEqual(briefly(heard.events).slice(before))
    }
  })

  it('fails alone when its pattern never ends', async () => {
    const { client } = await serve()
    const bad = subscribe(client, { regex: '^(a+)+$' }).heard
    const good = subscribe(client, { regex: '^a+' }).heard
    await expect.poll(() => [bad, good].every(({ caughtUp }) => caughtUp.length === 1)).toBe(true)
    await appendTo(client, `${'a'.repeat(60)}!`, placed(1))
    await heardEvents(good, 1)
    await expect.poll(() => bad.errors.length).toBe(1)
    await appendTo(client, 'aa', placed(1))
    await heardEvents(good, 2)
  })
})
