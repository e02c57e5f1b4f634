import type { User, Users } from '../auth/users.ts'
import { ticksOf } from './gossip.ts'
import type { Call, Handler } from './grpc/call.ts'
import { framed } from './grpc/frames.ts'
import { type Methods, serverStream, unary } from './grpc/method.ts'
import { CallFailed } from './grpc/status.ts'
import type { Messages } from './protobuf/messages.ts'

/** What requests say of a user; each has some of it. */
interface UserOptions {
  readonly loginName: string
  readonly password: string
  readonly currentPassword: string
  readonly newPassword: string
  readonly fullName: string
  readonly groups: readonly string[]
}

interface UserRequest {
  readonly options: UserOptions | null
}

const of = 'event_store.client.users'

/** The service event_store.client.users.Users. */
export function users(messages: Messages, all: Users): Methods {
  const encode = messages.encoder<object>(`${of}.DetailsResp`)
  const decodeUser = messages.decoder<UserRequest>(`${of}.UserReq`)

  function changing(request: string, change: (options: UserOptions, call: Call) => Promise<unknown>): Handler {
    const codec = messages.codec<UserRequest, object>(`${of}.${request}`, 'event_store.client.Empty')
    return unary(codec, async ({ options }, call) => {
      if (options === null) throw new CallFailed('invalidArgument', 'The request has no options.')
      await change(options, call)
      return {}
    })
  }

  return {
    [`/${of}.Users/Create`]: changing('CreateReq', ({ loginName: login, password, fullName, groups }) =>
      all.create({ login, password, fullName, groups }),
    ),
    [`/${of}.Users/Update`]: changing('UpdateReq', ({ loginName, fullName, groups }) =>
      all.update(loginName, { fullName, groups }),
    ),
    [`/${of}.Users/Delete`]: changing('UserReq', ({ loginName }) => all.delete(loginName)),
    [`/${of}.Users/Disable`]: changing('UserReq', ({ loginName }) => all.setDisabled(loginName, true)),
    [`/${of}.Users/Enable`]: changing('UserReq', ({ loginName }) => all.setDisabled(loginName, false)),
    [`/${of}.Users/ChangePassword`]: changing('ChangePasswordReq', async (options, { access }) => {
      const { loginName, currentPassword, newPassword } = options
      // Admins may say what another one's password is, and need the present one for it as everybody does.
      await access.as(access.login === loginName ? 'user' : 'admin')
      await all.changePassword(loginName, currentPassword, newPassword)
    }),
    [`/${of}.Users/ResetPassword`]: changing('ResetPasswordReq', ({ loginName, newPassword }) =>
      all.resetPassword(loginName, newPassword),
    ),
    [`/${of}.Users/Details`]: serverStream(decodeUser, async ({ options }, call) => {
      const login = options?.loginName ?? ''
      await call.access.as(login !== '' && login === call.access.login ? 'user' : 'admin')
      const found = login === '' ? await all.list() : [await all.details(login)]
      for (const user of found) await call.send(framed(encode({ userDetails: detailsOf(user) })))
    }),
  }
}

function detailsOf({ login, fullName, groups, updatedAtMs, isDisabled }: User): object {
  const lastUpdated = { ticksSinceEpoch: ticksOf(updatedAtMs) }
  return { loginName: login, fullName, groups, lastUpdated, disabled: isDisabled }
}
