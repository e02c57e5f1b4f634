import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { systemClock, systemId } from '../../engine/system-clock.ts'
import { InvalidArgument } from '../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import type { KurrentClient } from './driver.ts'
import { openEngine } from './open-engine.ts'

export type {
  KurrentAppended,
  KurrentCheck,
  KurrentClient,
  KurrentEvent,
  KurrentFilter,
  KurrentNewEvent,
  KurrentPlace,
  KurrentPosition,
  KurrentRecord,
  KurrentResolved,
  KurrentState,
  KurrentSubscribed,
  KurrentValue,
} from './driver.ts'

const optionFields = fieldsOf<KurrentdbOptions>({ url: true, client: true, namespace: true, newId: true, clock: true })

/** Options of {@link kurrentdb}; one of `client` and `url` must be given. */
export interface KurrentdbOptions {
  /** A connection string of the official client, as in `kurrentdb://admin:changeit@localhost:2113`. */
  readonly url?: string | undefined
  /** A client that the caller has connected, and closes. */
  readonly client?: KurrentClient | undefined
  /**
   * Names of streams begin with this and a colon, so that several stores share one database: 1 to 50 letters, digits, `_` and
   * `.`. Default: none, and the store is the whole database.
   */
  readonly namespace?: string | undefined
  /** Ids of the engine's own records. Default: random UUIDs. */
  readonly newId?: (() => string) | undefined
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock | undefined
}

/**
 * The engine on KurrentDB 26.1 or later, through the official client, or on `varve serve`. Any number of processes may use one
 * store, and other clients of KurrentDB may read and append beside them. Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT without `client` or `url`; DRIVER_MISSING, by the first call, when `@kurrent/kurrentdb-client` is not
 *   installed, INVALID_ARGUMENT when `url` is no connection string; ENGINE_FAILED, by the first append, when the server is too old.
 * @example
 * const store = openStore({ engine: kurrentdb({ url: 'kurrentdb://localhost:2113?tls=false', namespace: 'shop' }) })
 */
export function kurrentdb(options: KurrentdbOptions): Engine {
  refuseUnknownOptions(options, optionFields, 'kurrentdb')
  const { url, client, namespace = '', newId = systemId, clock = systemClock } = options
  if (namespace !== '' && !/^[A-Za-z0-9_.]{1,50}$/.test(namespace)) {
    throw new InvalidArgument('namespace', 'is not 1 to 50 letters, digits, _ and .')
  }
  if (client !== undefined && url === undefined) return openEngine({ source: { client }, namespace, newId, clock })
  if (typeof url !== 'string' || client !== undefined) {
    throw new InvalidArgument('options', 'have neither a url nor a client, or both: give one of them')
  }
  return openEngine({ source: { url }, namespace, newId, clock })
}
