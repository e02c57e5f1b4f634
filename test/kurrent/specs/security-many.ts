import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { securedStores } from '../secured.ts'
import { accessDeniedIn } from '../status-details.ts'
import { all, appendTo, placed } from '../talk.ts'

type Session = Parameters<KurrentDBClient['multiStreamAppend']>[0]
type Records = Parameters<KurrentDBClient['appendRecords']>[0]
type Checks = Parameters<KurrentDBClient['appendRecords']>[1]

const denied = { type: 'access-denied' }

describe.each(securedStores())('appends to several streams at once, on %s', (_, secure) => {
  it('are denied whole where one stream may not be written, or one that is checked not be read', async () => {
    const { connect } = await secure()
    const [admin, ada] = [connect('admin:changeit'), connect('ada:ada')]
    await appendTo(admin, 'Secret-1', placed(1))
    await admin.setStreamMetadata('Secret-1', { acl: { readRoles: ['$admins'], writeRoles: ['$admins'] } })
    const session = ['Order-1', 'Secret-1'].map((streamName) => ({
      streamName,
      expectedState: 'any',
      events: placed(1),
    }))
    await expect(ada.multiStreamAppend(session as Session)).rejects.toMatchObject(denied)
    const records = (...streams: string[]) =>
      streams.map((streamName) => ({ streamName, record: placed(1)[0] })) as unknown as Records
    const check = [{ streamName: 'Secret-1', expectedState: 5n }] as Checks
    await expect(ada.appendRecords(records('Order-1', 'Secret-1'))).rejects.toMatchObject(denied)
    await expect(ada.appendRecords(records('Order-1'), check)).rejects.toMatchObject(denied)
    await expect(all(ada.readStream('Order-1'))).rejects.toMatchObject({ type: 'stream-not-found' })
    await expect(ada.appendRecords(records('Order-1'))).resolves.toBeDefined()
    await expect(admin.multiStreamAppend(session as Session)).resolves.toBeDefined()
  })
  it('say in the details of the refusal who was denied what', async () => {
    const { connect } = await secure()
    const [ada, nobody] = [connect('ada:ada'), connect()]
    const write = { streamName: '$secret', expectedState: 'any', events: placed(1) }
    const records = [{ streamName: '$secret', record: placed(1)[0] }] as unknown as Records
    const session = await ada.multiStreamAppend([write] as unknown as Session).catch((error: unknown) => error)
    expect(session).toMatchObject(denied)
    expect(accessDeniedIn(session)).toEqual({ operation: 'AppendSession', username: 'ada', permission: '' })
    const appended = await nobody.appendRecords(records).catch((error: unknown) => error)
    expect(appended).toMatchObject(denied)
    expect(accessDeniedIn(appended)).toEqual({ operation: 'AppendRecords', username: '', permission: '' })
  })
})
