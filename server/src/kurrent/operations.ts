import type { Handler } from './grpc/call.ts'
import { type Methods, unary } from './grpc/method.ts'
import { CallFailed } from './grpc/status.ts'
import type { Messages } from './protobuf/messages.ts'

interface StopScavenge {
  readonly options: { readonly scavengeId: string } | null
}

const service = '/event_store.client.operations.Operations'

/** What those who run a server tell it, as far as there is anything to tell it. */
export function operations(messages: Messages): Methods {
  const codec = messages.codec<StopScavenge, object>(
    'event_store.client.operations.StopScavengeReq',
    'event_store.client.operations.ScavengeResp',
  )
  const stopScavenge = unary(codec, ({ options }) => {
    const scavengeId = options?.scavengeId ?? ''
    const trailers = { exception: 'scavenge-not-found', 'scavenge-id': scavengeId }
    throw new CallFailed('notFound', `No scavenge ${scavengeId.slice(0, 80)} runs; this server has none.`, trailers)
  })
  return { [`${service}/StopScavenge`]: stopScavenge }
}

/**
 * What there is nothing to do for: a store that removes nothing has nothing to scavenge, and a single node has nothing to
 * resign from. Whoever asks for it is told so, instead of being told that it was done.
 */
export const needlessOperations: Methods = {
  [`${service}/StartScavenge`]: needless('Nothing is ever removed from the log, so there is nothing to scavenge.'),
  [`${service}/MergeIndexes`]: needless('The indexes of the store need no merging.'),
  [`${service}/ResignNode`]: needless('This is a single node, and leads for as long as it runs.'),
  [`${service}/SetNodePriority`]: needless('This is a single node, and leads for as long as it runs.'),
  [`${service}/Shutdown`]: needless('Stop the process instead: it ends as a shutdown does, at SIGTERM or Ctrl-C.'),
}

function needless(reason: string): Handler {
  return async () => {
    throw new CallFailed('unimplemented', reason)
  }
}
