import type { Call, Handler } from '../grpc/call.ts'
import { type Methods, unary } from '../grpc/method.ts'
import type { Messages } from '../protobuf/messages.ts'
import { type AdministerParts, create, remove, replay, restart, update } from './administer.ts'
import { Connections } from './connections.ts'
import { getInfo, list } from './info.ts'
import { type PersistentReadParts, readPersistent } from './read.ts'

/** What the service needs. */
export type PersistentParts = Omit<AdministerParts & PersistentReadParts, 'connections'>

const proto = 'event_store.client.persistent_subscriptions'
const empty = 'event_store.client.Empty'

/** The service event_store.client.persistent_subscriptions.PersistentSubscriptions, over consumer groups. */
export function persistentMethods(messages: Messages, served: PersistentParts): Methods {
  const parts = { ...served, connections: new Connections(served, served.newId) }
  const service = `/${proto}.PersistentSubscriptions`

  function method<Request, Response extends object>(
    [request, response]: readonly [string, string],
    answer: (request: Request, signal: AbortSignal) => Promise<Response>,
  ): Handler {
    const codec = messages.codec<Request, Response>(request, response)
    return unary(codec, (given: Request, call: Call) => answer(given, call.signal))
  }

  /** A method that answers nothing but that it was done. */
  function command<Request>(request: string, does: (request: Request, signal: AbortSignal) => Promise<void>): Handler {
    return method<Request, object>([request, empty], async (given, signal) => {
      await does(given, signal)
      return {}
    })
  }

  const restarting = command(empty, (_: object, signal) => restart(parts, signal))
  return {
    [`${service}/Create`]: command(`${proto}.CreateReq`, (request: Parameters<typeof create>[1], signal) =>
      create(parts, request, signal),
    ),
    [`${service}/Update`]: command(`${proto}.CreateReq`, (request: Parameters<typeof update>[1], signal) =>
      update(parts, request, signal),
    ),
    [`${service}/Delete`]: command(`${proto}.DeleteReq`, (request: Parameters<typeof remove>[1], signal) =>
      remove(parts, request, signal),
    ),
    [`${service}/Read`]: readPersistent(parts),
    [`${service}/GetInfo`]: method(
      [`${proto}.GetInfoReq`, `${proto}.GetInfoResp`],
      (request: Parameters<typeof getInfo>[1], signal) => getInfo(parts, request, signal),
    ),
    [`${service}/List`]: method(
      [`${proto}.ListReq`, `${proto}.ListResp`],
      (request: Parameters<typeof list>[1], signal) => list(parts, request, signal),
    ),
    [`${service}/ReplayParked`]: command(`${proto}.ReplayParkedReq`, (request: Parameters<typeof replay>[1], signal) =>
      replay(parts, request, signal),
    ),
    [`${service}/RestartSubsystem`]: restarting,
    // The same by its older name.
    '/event_store.client.operations.Operations/RestartPersistentSubscriptions': restarting,
  }
}
