import { randomUUID } from 'node:crypto'
import type { Random } from '../../store/src/conformance/seeded.ts'
import type { SentWrite } from './journal.ts'

/** The appender's own stream at its version, and now and then a stream that all of them share, in the same append. */
export function writesOf(choices: Random, ownStreamId: string, version: number): readonly SentWrite[] {
  const fillerChars = choices.oneIn(20) ? 20_000 : choices.below(400)
  const write = (streamId: string, expectedVersion: number | 'any'): SentWrite => ({
    streamId,
    expectedVersion,
    ids: Array.from({ length: 1 + choices.below(5) }, () => randomUUID()),
    fillerChars,
  })
  const own = write(ownStreamId, version)
  return choices.oneIn(4) ? [own, write(`Shared-${choices.below(20)}`, 'any')] : [own]
}
