import { EngineUnavailable, QueueFull } from 'varve'
import { expect, it } from 'vitest'
import { openAccess } from '../../auth/access.ts'
import type { Call } from '../grpc/call.ts'
import type { CallFailed } from '../grpc/status.ts'
import { rpcProto, serverErrorsProto, streamsV2ErrorsProto } from '../proto/streams-v2.ts'
import { messagesOf } from '../protobuf/messages.ts'
import { refusalsOf } from './refusals.ts'

const messages = messagesOf(rpcProto, serverErrorsProto, streamsV2ErrorsProto)

// What official clients do not tell apart: for those that read details.
it.each([
  ['SERVER_OVERLOADED', new QueueFull(10_000, 1)],
  ['SERVER_NOT_READY', new EngineUnavailable('sqlite', 'the file is locked')],
])('a refusal that passes is %s, and says when to try again', async (reason, error) => {
  const { status, trailers } = await refusalOf(error)
  const details = messages.decoder<Details>('google.rpc.Status')(trailers['grpc-status-details-bin'] as Buffer)
  expect([status, details.code]).toEqual(['unavailable', 14])
  const [info, retry] = details.details
  expect(messages.decoder('google.rpc.ErrorInfo')(info.value)).toMatchObject({ reason, domain: 'server' })
  expect(retry.type_url).toBe('type.googleapis.com/google.rpc.RetryInfo')
  expect(messages.decoder('google.rpc.RetryInfo')(retry.value)).toMatchObject({ retryDelay: { seconds: 5 } })
})

it('a failure of the server stays what it is, for its log', async () => {
  const bug = new TypeError('a bug')
  expect(await refusalOf(bug)).toBe(bug)
})

interface Details {
  readonly code: number
  readonly details: readonly [AnyDetail, AnyDetail]
}

interface AnyDetail {
  readonly type_url: string
  readonly value: Buffer
}

function refusalOf(error: unknown): Promise<CallFailed> {
  const refusing = refusalsOf(messages).saidBy('AppendRecords', () => Promise.reject(error))
  return refusing({ access: openAccess } as Call).then(
    () => expect.fail('the call was answered'),
    (refusal: CallFailed) => refusal,
  )
}
