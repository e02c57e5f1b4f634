import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { settings } from '../persistent.ts'
import { securedStores } from '../secured.ts'
import { all, appendTo, briefly, heardEvents, jsonEvent, listen, placed } from '../talk.ts'

const denied = { type: 'access-denied' }

describe.each(securedStores())('an official client over TLS, on %s', (_, secure) => {
  it('does everything as admin', async () => {
    const { connect } = await secure()
    const client = connect('admin:changeit')
    await appendTo(client, 'Order-1', placed(2))
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/0 Placed', 'Order-1/1 Placed'])
    expect((await all(client.readAll())).length).toBe(2)
    const heard = listen(client.subscribeToAll({ fromPosition: 'start' }))
    await heardEvents(heard, 2)
    await appendTo(client, '$secret', placed(1))
    await heardEvents(heard, 3)
    expect(briefly(await all(client.readStream('$ce-Order', { resolveLinkTos: true })))).toHaveLength(2)
    await client.deleteStream('Order-1')
    expect(heard.errors).toEqual([])
  })

  it.each([['nobody:changeit'], ['admin:wrong'], [undefined]])('is denied everything as %s', async (credentials) => {
    const { connect } = await secure()
    const client = connect(credentials)
    await expect(appendTo(client, 'Order-1', placed(1))).rejects.toMatchObject(denied)
    await expect(all(client.readStream('Order-1'))).rejects.toMatchObject(denied)
    await expect(all(client.readAll())).rejects.toMatchObject(denied)
    await expect(client.deleteStream('Order-1')).rejects.toMatchObject(denied)
    const heard = listen(client.subscribeToStream('Order-1'))
    await expect.poll(() => heard.errors).toMatchObject([denied])
  })

  it('uses streams as anybody, and reads none of the system', async () => {
    const { connect } = await secure()
    const client = connect('ada:ada')
    await appendTo(client, 'Order-1', placed(1))
    expect(await all(client.readStream('Order-1'))).toHaveLength(1)
    await client.setStreamMetadata('Order-1', { maxCount: 10 })
    expect(await client.getStreamMetadata('Order-1')).toMatchObject({ metadata: { maxCount: 10 } })
    await expect(all(client.readAll())).rejects.toMatchObject(denied)
    for (const stream of ['$ce-Order', '$et-Placed', '$streams', '$settings', '$$$settings']) {
      await expect(all(client.readStream(stream)), stream).rejects.toMatchObject(denied)
    }
    await expect(appendTo(client, '$settings', placed(1))).rejects.toMatchObject(denied)
    await expect(client.setStreamMetadata('$all', { acl: { readRoles: ['ada'] } })).rejects.toMatchObject(denied)
  })

  it('logs in for one call with other credentials', async () => {
    const { connect } = await secure()
    const client = connect('ada:ada')
    const credentials = { username: 'admin', password: 'changeit' }
    await appendTo(client, '$secret', placed(1), 'any', { credentials })
    expect(await all(client.readStream('$secret', { credentials }))).toHaveLength(1)
    await expect(appendTo(client, '$secret', placed(1))).rejects.toMatchObject(denied)
    const wrong = { username: 'admin', password: 'wrong' }
    await expect(appendTo(client, 'Order-1', placed(1), 'any', { credentials: wrong })).rejects.toMatchObject(denied)
  })

  it('is held to the list of a stream, right by right, from the moment it is set', async () => {
    const { connect } = await secure()
    const [admin, ada] = [connect('admin:changeit'), connect('ada:ada')]
    await appendTo(admin, 'Order-1', placed(1))
    const may = async (acl: object): Promise<string[]> => {
      await admin.setStreamMetadata('Order-1', { acl })
      return rightsOf(ada, 'Order-1')
    }
    const nobody = { readRoles: [], writeRoles: [], deleteRoles: [], metaReadRoles: [], metaWriteRoles: [] }
    expect(await may({})).toEqual(['read', 'write', 'read metadata'])
    expect(await may(nobody)).toEqual([])
    expect(await may({ ...nobody, readRoles: ['readers'] })).toEqual(['read'])
    expect(await may({ ...nobody, writeRoles: ['ada'] })).toEqual(['write'])
    expect(await may({ ...nobody, metaReadRoles: ['$all'] })).toEqual(['read metadata'])
    await may({ ...nobody, deleteRoles: ['ada'] })
    await expect(ada.tombstoneStream('Order-1')).resolves.toBeDefined()
  })

  it('is held to the defaults that $settings says', async () => {
    const { connect } = await secure()
    const [admin, ada] = [connect('admin:changeit'), connect('ada:ada')]
    await appendTo(admin, 'Order-1', placed(1))
    const settings = { $userStreamAcl: { $r: ['$admins'] }, $systemStreamAcl: { $r: ['readers'] } }
    await appendTo(admin, '$settings', [jsonEvent('update-default-acl', settings)])
    expect(await rightsOf(ada, 'Order-1')).toEqual(['write', 'read metadata'])
    expect((await all(ada.readAll())).length).toBeGreaterThan(0)
  })

  it('sees no event by way of a link that it may not read in its stream', async () => {
    const { connect } = await secure()
    const [admin, ada] = [connect('admin:changeit'), connect('ada:ada')]
    await appendTo(admin, 'Secret-1', placed(1))
    await appendTo(admin, 'Order-1', placed(1))
    await admin.setStreamMetadata('Secret-1', { acl: { readRoles: ['$admins'] } })
    await admin.setStreamMetadata('$ce-Secret', { acl: { readRoles: ['ada'] } })
    const links = ['0@Secret-1', '0@Order-1'].map((link) => ({
      ...jsonEvent('$>', 0),
      contentType: 'application/octet-stream',
      data: Buffer.from(link),
    }))
    await appendTo(admin, 'Links', links as never)
    const options = { resolveLinkTos: true }
    expect(briefly(await all(ada.readStream('Links', options)))).toEqual([
      'nothing by Links/0',
      'Order-1/0 Placed by Links/1',
    ])
    expect(briefly(await all(ada.readStream('$ce-Secret', options)))).toEqual(['nothing by $ce-Secret/0'])
    expect(briefly(await all(admin.readStream('$ce-Secret', options)))).toEqual(['Secret-1/0 Placed by $ce-Secret/0'])
  })

  it('consumes a persistent subscription with the right to its stream, and is no one to manage it', async () => {
    const { connect } = await secure()
    const [admin, ops, ada] = [connect('admin:changeit'), connect('ops:changeit'), connect('ada:ada')]
    await expect(ada.createPersistentSubscriptionToStream('Order-1', 'g', settings())).rejects.toMatchObject(denied)
    await ops.createPersistentSubscriptionToStream('Order-1', 'g', settings())
    await expect(ada.deletePersistentSubscriptionToStream('Order-1', 'g')).rejects.toMatchObject(denied)
    const consuming = listen(ada.subscribeToPersistentSubscriptionToStream('Order-1', 'g'))
    await expect.poll(() => consuming.order).toContain('confirmation')
    const { connections } = await ada.getPersistentSubscriptionToStreamInfo('Order-1', 'g')
    expect(connections).toMatchObject([{ username: 'ada' }])
    await admin.setStreamMetadata('Order-1', { acl: { readRoles: ['$admins'] } })
    await appendTo(admin, 'Order-1', placed(1))
    await expect.poll(() => consuming.errors).toMatchObject([denied])
    expect(consuming.events).toHaveLength(0)
    const late = listen(ada.subscribeToPersistentSubscriptionToStream('Order-1', 'g'))
    await expect.poll(() => late.errors).toMatchObject([denied])
  })

  it('loses a subscription with the right to it, and before it is sent what it may not read', async () => {
    const { connect, asAdmin } = await secure()
    const [admin, ada] = [connect('admin:changeit'), connect('ada:ada')]
    await appendTo(admin, 'Order-1', placed(1))
    const heard = [listen(ada.subscribeToStream('Order-1')), listen(ada.subscribeToStream('Order-2'))]
    await heardEvents(heard[0] as never, 1)
    await admin.setStreamMetadata('Order-1', { acl: { readRoles: ['$admins'] } })
    await appendTo(admin, 'Order-1', placed(1))
    await expect.poll(() => heard[0]?.errors).toMatchObject([denied])
    expect(heard[0]?.events).toHaveLength(1)
    await asAdmin('POST', '/users/ada/disable')
    await appendTo(admin, 'Order-2', placed(1))
    await expect.poll(() => heard[1]?.errors).toMatchObject([denied])
    expect(heard[1]?.events).toHaveLength(0)
    await expect(appendTo(ada, 'Order-3', placed(1))).rejects.toMatchObject(denied)
  })

  it('loses what is open with its login, although nothing happens there', async () => {
    const { connect, asAdmin } = await secure()
    const [ops, ada] = [connect('ops:changeit'), connect('ada:ada')]
    await ops.createPersistentSubscriptionToStream('Order-1', 'g', settings())
    const heard = [
      listen(ada.subscribeToStream('Order-1')),
      listen(ada.subscribeToPersistentSubscriptionToStream('Order-1', 'g')),
    ]
    for (const { order } of heard) await expect.poll(() => order).toContain('confirmation')
    await asAdmin('POST', '/users/ada/disable')
    for (const { errors } of heard) await expect.poll(() => errors).toMatchObject([denied])
  })
})

/** What a client may do to a stream, found out by doing it. */
async function rightsOf(client: KurrentDBClient, stream: string): Promise<string[]> {
  const tries: Record<string, () => Promise<unknown>> = {
    read: () => all(client.readStream(stream)),
    write: () => appendTo(client, stream, placed(1)),
    'read metadata': () => client.getStreamMetadata(stream),
  }
  const found: string[] = []
  for (const [right, attempt] of Object.entries(tries)) {
    const error = await attempt().then(
      () => undefined,
      (refusal: { readonly type?: string }) => refusal,
    )
    if (error === undefined) found.push(right)
    else expect(error).toMatchObject(denied)
  }
  return found
}
