import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { distributions, toolOf } from './distribution.ts'
import { sayWhy } from './on-postgres.ts'

const found = distributions().find((distribution) => toolOf(distribution, 'pg_basebackup') !== undefined)
const reason = sayWhy(
  found === undefined ? 'no PostgreSQL here has pg_basebackup (on Debian: apt-get install postgresql)' : undefined,
)

describe.skipIf(reason)('a store that is read from a replica', () => {
  let primary: Cluster
  let replica: Cluster
  let written: EventStore
  let read: EventStore

  beforeAll(async () => {
    primary = await startCluster({ major: found?.major ?? 0 })
    written = openStore({ engine: postgres({ url: primary.url }) })
    await append(10)
    replica = await startCluster({ major: found?.major ?? 0, replicaOf: primary })
    read = openStore({ engine: postgres({ url: replica.url, migrate: 'refuse' }) })
  }, 120_000)

  afterAll(async () => {
    await read?.close()
    await written?.close()
    await replica?.stop()
    await primary?.stop()
  })

  async function append(events: number): Promise<number> {
    let position = 0
    for (let nth = 0; nth < events; nth++) {
      const appended = await written.append(`Order-${nth % 3}`, [{ type: 'Placed', data: { nth }, tags: ['replica'] }])
      position = appended.position
    }
    return position
  }

  it('says there what it says where it is written', async () => {
    await expect.poll(() => read.head()).toBe(await written.head())
    expect(await read.readAll().toArray()).toEqual(await written.readAll().toArray())
    expect(await read.readStream('Order-1').toArray()).toEqual(await written.readStream('Order-1').toArray())
    const filter = { tags: ['replica'] }
    expect(await read.readAll({ filter }).toArray()).toEqual(await written.readAll({ filter }).toArray())
  })

  it('is followed there in order, without a gap', async () => {
    const events = read.subscribe({ from: 'end', marks: true })[Symbol.asyncIterator]()
    await events.next()
    const from = await read.head()
    const last = await append(50)

    const positions: number[] = []
    while (positions.at(-1) !== last) {
      const { value } = await events.next()
      if (value?.kind === 'event') positions.push(value.event.position)
    }

    expect(positions).toEqual(Array.from({ length: last - from }, (_, index) => from + index + 1))
    await events.return?.()
  })

  it('refuses appends with what to do', async () => {
    await expect(read.append('Order-1', [{ type: 'Placed', data: {} }])).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/read-only|replica/),
    })
  })
})
