import type { Clock } from '../engine/clock.ts'
import { isVarveError } from '../model/errors.ts'
import { type PlaceInReaction, ReactionFailed } from '../model/event-errors.ts'
import { correlate } from '../streams/causation.ts'
import { afterSending, type Cause, type Process } from './process.ts'
import type { Reaction } from './reaction.ts'

/** What sending needs beyond the commands. */
export interface SendOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly attemptsMax: number
}

const pauseMinMs = 100
const pauseMaxMs = 10_000

/**
 * Sends the unsent commands of a process, one after the other, and gives the process that has sent them. What they
 * append carries the correlation of the event that they follow from.
 */
export async function sendUnsent(
  reaction: Reaction,
  processId: string,
  process: Process,
  options: SendOptions,
): Promise<Process> {
  const { unsent } = process
  if (unsent === undefined) return process
  const { cause, deadline, commands } = unsent
  for (const { commandId, command } of commands) {
    options.signal.throwIfAborted()
    const at = { event: cause, processId, deadline, commandId }
    await sendPatiently(reaction.name, at, options, () =>
      correlate(causation(cause), () => reaction.send(command, { commandId, signal: options.signal })),
    )
  }
  return afterSending(process)
}

function causation({ id, correlationId, userId }: Cause): Parameters<typeof correlate>[0] {
  return { correlationId, causationId: id, ...(userId !== undefined && { userId }) }
}

async function sendPatiently(
  reaction: string,
  at: PlaceInReaction,
  { signal, clock, attemptsMax }: SendOptions,
  send: () => PromiseLike<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await send()
      return
    } catch (cause) {
      signal.throwIfAborted()
      const isHopeless = isVarveError(cause) && !cause.retryable
      if (isHopeless || attempt >= attemptsMax) throw new ReactionFailed(reaction, at, { cause })
    }
    await clock.sleep(Math.min(pauseMinMs * 2 ** (attempt - 1), pauseMaxMs), signal)
    signal.throwIfAborted()
  }
}
