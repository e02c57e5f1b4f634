import type { Registered } from './registry.ts'

/** The streams of a projection: where its results and its checkpoints are. */

const checkpointSuffix = '-checkpoint'

/** Where the state and the place of a projection are kept. */
export function checkpointStream({ name }: Registered): string {
  return `$projections-${name}${checkpointSuffix}`
}

/** Where the streams that it emitted to are listed. */
export function emittedStreams({ name }: Registered): string {
  return `$projections-${name}-emittedstreams`
}

/** Where its results are, and links to those of partitions. */
export function resultStream({ name }: Registered, chosen: string | null): string {
  return chosen ?? `$projections-${name}-result`
}

/** Where the results of a partition are. */
export function partitionResultStream({ name }: Registered, partition: string, pattern: string | null): string {
  return pattern?.replaceAll('{0}', () => partition) ?? `$projections-${name}-${partition}-result`
}

/** Where the states of partitions are kept: by id, since names and partitions may end as others begin. */
export function stateStreamPrefix({ id }: Registered): string {
  return `$projection-state-${id}-`
}

/** Whether a stream is kept by projections themselves, and not for users to emit to. */
export function isKept(stream: string): boolean {
  return (
    stream.startsWith('$projection-state-') || (stream.startsWith('$projections-') && stream.endsWith(checkpointSuffix))
  )
}
