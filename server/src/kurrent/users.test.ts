import { describe, expect, it } from 'vitest'
import { type RawAnswer, rawClient } from '../../../test/kurrent/raw-client.ts'
import { basic, quickPasswords } from '../../../test/security/requests.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'
import { clientProto } from './proto/client.ts'
import { usersProto } from './proto/users.ts'
import { messagesOf } from './protobuf/messages.ts'

const messages = messagesOf(clientProto, usersProto)
const ada = { loginName: 'ada', password: 'ada', fullName: 'Ada', groups: ['readers'] }

describe('the service Users', () => {
  it('makes, changes, disables, enables and removes users', async () => {
    await using server = await serving()
    const done = { status: 0 }
    expect(await server.admin('Create', ada)).toMatchObject(done)
    expect(await server.details('ada')).toMatchObject([
      { loginName: 'ada', fullName: 'Ada', groups: ['readers'], disabled: false },
    ])
    expect(await server.admin('Update', { loginName: 'ada', fullName: 'A.', groups: [] })).toMatchObject(done)
    expect(await server.admin('Disable', { loginName: 'ada' })).toMatchObject(done)
    expect(await server.details('ada')).toMatchObject([{ fullName: 'A.', groups: [], disabled: true }])
    expect(await server.admin('Enable', { loginName: 'ada' })).toMatchObject(done)
    expect((await server.details('')).map(({ loginName }) => loginName)).toEqual(['ada', 'admin', 'ops'])
    expect(await server.admin('Delete', { loginName: 'ada' })).toMatchObject(done)
    expect((await server.details('')).map(({ loginName }) => loginName)).toEqual(['admin', 'ops'])
  })

  it('changes passwords: one’s own with the present one, as admin anybody’s', async () => {
    await using server = await serving()
    await server.admin('Create', ada)
    const change = (currentPassword: string, newPassword: string, as: string) =>
      server.call('ChangePassword', { loginName: 'ada', currentPassword, newPassword }, basic('ada', as))
    expect(await change('wrong', 'next', 'ada')).toMatchObject({ status: 7 })
    expect(await change('ada', 'next', 'ada')).toMatchObject({ status: 0 })
    expect(await change('next', 'ada', 'ada')).toMatchObject({ status: 16 })
    expect(await server.admin('ResetPassword', { loginName: 'ada', newPassword: 'reset' })).toMatchObject({ status: 0 })
    expect(await change('reset', 'ada', 'reset')).toMatchObject({ status: 0 })
    expect(await server.admin('ChangePassword', { loginName: 'ada', newPassword: 'x' })).toMatchObject(denied)
    const known = { loginName: 'ada', currentPassword: 'ada', newPassword: 'x' }
    expect(await server.call('ChangePassword', known, basic('ops', 'ops'))).toMatchObject(denied)
    expect(await server.admin('ChangePassword', known)).toMatchObject({ status: 0 })
  })

  it('refuses what cannot be, in words that clients know', async () => {
    await using server = await serving()
    const missing = { status: 5, trailers: { exception: 'user-not-found', 'login-name': 'nobody' } }
    for (const method of ['Update', 'Delete', 'Disable', 'Enable', 'Details'] as const) {
      expect(await server.admin(method, { loginName: 'nobody' }), method).toMatchObject(missing)
    }
    expect(await server.admin('ResetPassword', { loginName: 'nobody', newPassword: 'x' })).toMatchObject(missing)
    await server.admin('Create', ada)
    const conflict = { status: 9, trailers: { exception: 'user-conflict', 'login-name': 'ada' } }
    expect(await server.admin('Create', ada)).toMatchObject(conflict)
    for (const wrong of [
      { loginName: '' },
      { loginName: 'a:b' },
      { loginName: '$admins' },
      { password: '' },
      { groups: [''] },
    ]) {
      expect(await server.admin('Create', { ...ada, ...wrong }), JSON.stringify(wrong)).toMatchObject({ status: 3 })
    }
  })

  it('is for admins, but for what concerns oneself', async () => {
    await using server = await serving()
    await server.admin('Create', ada)
    const own = basic('ada', 'ada')
    for (const method of ['Create', 'Update', 'Delete', 'Disable', 'Enable', 'ResetPassword'] as const) {
      expect(await server.call(method, { loginName: 'ada', newPassword: 'x' }, own), method).toMatchObject(denied)
      expect(await server.call(method, { loginName: 'ada' }, basic('ops', 'ops')), method).toMatchObject(denied)
      expect(await server.call(method, { loginName: 'ada' }, undefined), method).toMatchObject(denied)
    }
    expect(await server.call('Details', { loginName: 'ada' }, own)).toMatchObject({ status: 0 })
    expect(await server.call('Details', { loginName: 'ops' }, own)).toMatchObject(denied)
    expect(await server.call('Details', {}, own)).toMatchObject(denied)
  })
})

describe('calls of gRPC', () => {
  it.each([
    ['server_features.ServerFeatures/GetSupportedMethods', 0, 0, 0],
    ['gossip.Gossip/Read', 0, 0, 0],
    ['operations.Operations/Shutdown', 7, 7, 12],
    ['operations.Operations/StartScavenge', 7, 7, 12],
    ['users.Users/Details', 7, 7, 7],
    ['streams.Streams/Read', 3, 3, 3],
  ])('need what %s needs', async (method, nobody, user, operator) => {
    await using server = await serving()
    await server.admin('Create', ada)
    const statuses = [undefined, basic('ada', 'ada'), basic('ops', 'ops')].map(async (authorization) => {
      return (await server.raw(`/event_store.client.${method}`, authorization)).status
    })
    expect(await Promise.all(statuses)).toEqual([nobody, user, operator])
  })

  it.each(['Basic', 'Basic !', 'Digest x', `Bearer ${'x'.repeat(8_000)}`, basic('admin', 'no'), 'Bearer vt.x'])(
    'are UNAUTHENTICATED with credentials that are none: %.20s',
    async (authorization) => {
      await using server = await serving()
      for (const method of ['server_features.ServerFeatures/GetSupportedMethods', 'streams.Streams/BatchAppend']) {
        const { status, trailers } = await server.raw(`/event_store.client.${method}`, authorization)
        expect({ status, exception: trailers.exception }).toEqual({ status: 16, exception: undefined })
      }
      expect(await server.details('admin')).toHaveLength(1)
    },
  )
})

const denied = { status: 7, trailers: { exception: 'access-denied' } }

type Method = 'Create' | 'Update' | 'Delete' | 'Disable' | 'Enable' | 'ChangePassword' | 'ResetPassword' | 'Details'

const requests: Readonly<Record<string, string>> = {
  Create: 'CreateReq',
  Update: 'UpdateReq',
  ChangePassword: 'ChangePasswordReq',
  ResetPassword: 'ResetPasswordReq',
}

interface Details {
  readonly loginName: string
  readonly fullName: string
  readonly groups: readonly string[]
  readonly disabled: boolean
}

async function serving() {
  const passwords = { adminPassword: 'admin', opsPassword: 'ops' }
  const config = serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', ...passwords })
  const server = await startServer(config, quickPasswords)
  const client = rawClient(server.url)
  const raw = (path: string, authorization?: string, message: Uint8Array = new Uint8Array()): Promise<RawAnswer> =>
    client.call(path, [message], authorization === undefined ? {} : { authorization })
  const call = (method: Method, options: object, authorization?: string): Promise<RawAnswer> => {
    const encode = messages.encoder(`event_store.client.users.${requests[method] ?? 'UserReq'}`)
    return raw(`/event_store.client.users.Users/${method}`, authorization, encode({ options }))
  }
  const admin = (method: Method, options: object): Promise<RawAnswer> => call(method, options, basic('admin', 'admin'))
  const decode = messages.decoder<{ readonly userDetails: Details }>('event_store.client.users.DetailsResp')
  return {
    ...{ raw, call, admin },
    details: async (loginName: string) =>
      (await admin('Details', { loginName })).responses.map((response) => decode(response).userDetails),
    [Symbol.asyncDispose]: async () => {
      client.session.destroy()
      await server.close()
    },
  }
}
