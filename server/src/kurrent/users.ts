import { type Methods, serverStream } from './grpc/method.ts'
import { CallFailed } from './grpc/status.ts'
import type { Messages } from './protobuf/messages.ts'

interface DetailsRequest {
  readonly options: { readonly loginName: string } | null
}

/**
 * Who may log in: nobody has to, so there is nobody. Credentials are taken and mean nothing, as in an insecure KurrentDB.
 */
export function users(messages: Messages): Methods {
  const decode = messages.decoder<DetailsRequest>('event_store.client.users.DetailsReq')
  const details = async ({ options }: DetailsRequest): Promise<void> => {
    const loginName = options?.loginName ?? ''
    if (loginName === '') return
    const trailers = { exception: 'user-not-found', 'login-name': loginName }
    throw new CallFailed('notFound', `There is no user ${loginName.slice(0, 80)}: nobody has to log in here.`, trailers)
  }
  return { '/event_store.client.users.Users/Details': serverStream(decode, details) }
}
