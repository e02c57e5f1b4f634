import errors from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v2/errors_pb.js'
import { rpcProto } from '../../server/src/kurrent/proto/streams-v2.ts'
import { messagesOf } from '../../server/src/kurrent/protobuf/messages.ts'

const messages = messagesOf(rpcProto)

/** What a status says more than its code and its message, each with its type. */
interface StatusDetail {
  readonly type_url: string
  readonly value: Buffer
}

/** The details of the status that an official client's error comes from, in order. */
function detailsOf(error: unknown): readonly StatusDetail[] {
  const raw = (error as { readonly _raw: { readonly metadata: { get(name: string): Buffer[] } } })._raw
  const [bytes = Buffer.alloc(0)] = raw.metadata.get('grpc-status-details-bin')
  return messages.decoder<{ readonly details: readonly StatusDetail[] }>('google.rpc.Status')(bytes).details
}

/** What went wrong in one word, as clients other than those in JavaScript look for it. */
export function reasonIn(error: unknown): string {
  const [info] = detailsOf(error)
  if (info?.type_url !== 'type.googleapis.com/google.rpc.ErrorInfo') return `no reason, but ${info?.type_url}`
  const { domain, reason } = messages.decoder<Record<'domain' | 'reason', string>>('google.rpc.ErrorInfo')(info.value)
  return `${domain}: ${reason}`
}

/** Who was denied what, as the official client's own message reads it. */
export function accessDeniedIn(error: unknown): object {
  const last = detailsOf(error).at(-1)
  if (last?.type_url !== 'type.googleapis.com/kurrent.rpc.AccessDeniedErrorDetails') return { type: last?.type_url }
  return errors.AccessDeniedErrorDetails.deserializeBinary(last.value).toObject()
}

/** What is wrong with a request, and which of its fields. */
export function badRequestIn(error: unknown): readonly object[] {
  const last = detailsOf(error).at(-1)
  if (last?.type_url !== 'type.googleapis.com/google.rpc.BadRequest') return [{ type: last?.type_url }]
  return messages.decoder<{ readonly fieldViolations: readonly object[] }>('google.rpc.BadRequest')(last.value)
    .fieldViolations
}
