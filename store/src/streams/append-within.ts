import type { Capabilities } from '../engine/capabilities.ts'
import type { Engine, PendingOutcome } from '../engine/engine.ts'
import type {
  AppendAllOptions,
  AppendOptions,
  PendingAppend,
  PendingAppendAll,
  StreamWrite,
  TransactionAppends,
} from '../model/call.ts'
import { appendAllFields, appendFields } from '../model/call-fields.ts'
import { InvalidArgument, NotSupported } from '../model/errors.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { refusal, refuseUnsupported } from './append.ts'
import { prepareAppend } from './prepare.ts'
import type { Stamps } from './stamps.ts'

/** What {@link withTransaction} works with. */
export interface AppendWithinPort extends Stamps {
  readonly capabilities: Capabilities
  readonly engine: Pick<Engine, 'appendWithin'>
}

/**
 * Appends in a transaction of the caller's. See `EventStore.withTransaction`. They pass group commit by: each has a
 * connection, and a commit, of its own.
 */
export function withTransaction(port: AppendWithinPort, client: object): TransactionAppends {
  async function appendAll(writes: readonly StreamWrite[], options: AppendAllOptions): Promise<PendingAppendAll> {
    const { capabilities, engine } = port
    if (!capabilities.callerTransactions || engine.appendWithin === undefined) {
      const advice = 'Append on its own, with ids that make a repeat safe, and let a subscription do the rest.'
      throw new NotSupported(capabilities.engine, 'callerTransactions', advice)
    }
    if (typeof client !== 'object' || client === null) throw new InvalidArgument('client', 'is no connection')
    const prepared = prepareAppend(writes, options, port)
    refuseUnsupported(capabilities, prepared)
    const outcome = await engine.appendWithin(client, prepared.request, options.signal)
    if (!isPending(outcome)) throw refusal(outcome)
    return {
      streams: outcome.streams.map(({ streamId, firstVersion, lastVersion }) => ({
        streamId,
        firstVersion,
        version: lastVersion,
      })),
      eventIds: prepared.request.events.map((event) => event.id),
      idempotent: outcome.status === 'repeated',
    }
  }

  return {
    append: async (streamId, events, options: AppendOptions = {}): Promise<PendingAppend> => {
      refuseUnknownOptions(options, appendFields, 'append')
      const { expectedVersion = 'any' } = options
      const { streams, ...appended } = await appendAll([{ streamId, events, expectedVersion }], options)
      return { streamId, firstVersion: 0, version: 0, ...streams[0], ...appended }
    },
    appendAll: async (writes, options = {}) => {
      refuseUnknownOptions(options, appendAllFields, 'appendAll')
      return appendAll(writes, options)
    },
  }
}

function isPending(outcome: PendingOutcome): outcome is Extract<PendingOutcome, { readonly streams: unknown }> {
  return 'streams' in outcome
}
