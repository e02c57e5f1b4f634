import { isVarveError } from 'varve'
import { CallFailed, type StatusName, type Trailers } from '../grpc/status.ts'
import { type SubscriptionName, sourceOf } from './subscription-name.ts'

/** What official clients tell the failures of persistent subscriptions apart by. */
type SubscriptionException =
  | 'persistent-subscription-does-not-exist'
  | 'persistent-subscription-exists'
  | 'persistent-subscription-dropped'
  | 'persistent-subscription-failed'
  | 'maximum-subscribers-reached'

function failure(
  name: SubscriptionName,
  [status, exception, explanation]: readonly [StatusName, SubscriptionException, string],
  trailers: Trailers = {},
): CallFailed {
  const named = { exception, 'stream-name': sourceOf(name), 'group-name': name.group }
  return new CallFailed(status, explanation, { ...named, ...trailers })
}

/** There is no such subscription. */
export function doesNotExist(name: SubscriptionName): CallFailed {
  const explanation = `Subscription group ${name.group} on stream ${sourceOf(name)} does not exist.`
  return failure(name, ['notFound', 'persistent-subscription-does-not-exist', explanation])
}

/** The server has ended a consumer, which may come back. */
export function dropped(name: SubscriptionName, why: string): CallFailed {
  const explanation = `Subscription group ${name.group} on stream ${sourceOf(name)} was dropped: ${why}`
  return failure(name, ['cancelled', 'persistent-subscription-dropped', explanation])
}

/** The subscription cannot be as it is wanted, or does not deliver. */
export function failed(name: SubscriptionName, reason: string): CallFailed {
  const explanation = `Subscription group ${name.group} on stream ${sourceOf(name)} failed: '${reason}'`
  return failure(name, ['internal', 'persistent-subscription-failed', explanation], { reason })
}

/** What a client is told instead of what the store says of a group. */
export function subscriptionFailure(name: SubscriptionName, error: unknown): unknown {
  if (!isVarveError(error)) return error
  const where = `for stream ${sourceOf(name)} on group ${name.group}`
  switch (error.code) {
    case 'GROUP_NOT_FOUND':
      return doesNotExist(name)
    case 'GROUP_EXISTS': {
      const explanation = `Subscription group ${name.group} on stream ${sourceOf(name)} exists.`
      return failure(name, ['alreadyExists', 'persistent-subscription-exists', explanation])
    }
    case 'GROUP_FULL': {
      const explanation = `Maximum subscriptions reached ${where}.`
      return failure(name, ['failedPrecondition', 'maximum-subscribers-reached', explanation])
    }
    case 'GROUP_CHANGED':
      return dropped(name, 'its settings were changed. Subscribe again.')
    case 'GROUP_STOPPED':
      return failed(name, `${error.message.slice(0, 500)} RestartSubsystem or an update of its settings starts it.`)
    default:
      return error
  }
}

/** What a call about a subscription gives, with failures that clients know. */
export async function inWordsOfClients<Result>(name: SubscriptionName, result: Promise<Result>): Promise<Result> {
  try {
    return await result
  } catch (error) {
    throw subscriptionFailure(name, error)
  }
}
