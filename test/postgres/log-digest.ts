import { createHash } from 'node:crypto'
import type { LogEvent } from './replay.ts'

/** Sums up a log, so that readers in other processes can show that they saw the same. */
export function createLogDigest(): { add(event: LogEvent): void; value(): string } {
  const hash = createHash('sha256')
  return {
    add: ({ position, id, streamId, version, type, tags }) => {
      hash.update(JSON.stringify([position, id, streamId, version, type, tags]))
    },
    value: () => hash.digest('hex'),
  }
}
