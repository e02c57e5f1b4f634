import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { all, appendTo, placed } from '../talk.ts'

describe.each(servedStores())('a client that looks for a node over %s', (_, serve) => {
  it.each(['leader', 'follower', 'random', 'readOnlyReplica'])(
    'finds this one when it prefers %s',
    async (preference) => {
      const { connect } = await serve()
      const client = connect('+discover', `&nodePreference=${preference}`)
      await appendTo(client, 'Order-1', placed(1))
      expect(await all(client.readStream('Order-1'))).toHaveLength(1)
    },
  )
})

describe.each(servedStores())('a client that has to have its own node over %s', (_, serve) => {
  it('is served, and told that this one leads', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1), 'any', { requiresLeader: true })
    expect(await all(client.readStream('Order-1', { requiresLeader: true }))).toHaveLength(1)
  })
})
