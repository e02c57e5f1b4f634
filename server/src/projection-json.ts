import type { GenerationStatus, ParkedInProjection, PartitionStatus, ProjectionStatus, StoredFailure } from 'varve'

/** A projection as JSON, with the field names of wires and files. */
export function projectionJson(status: ProjectionStatus): object {
  const { name, state, wanted, published, position, lagEvents, lagMs, parked, generations } = status
  return {
    name,
    state,
    wanted,
    published: published ?? null,
    position,
    lag_events: lagEvents,
    lag_ms: lagMs,
    parked,
    generations: generations.map(generationJson),
  }
}

/** A parked event as JSON. */
export function parkedJson(event: ParkedInProjection): object {
  const { position, eventId, eventType, streamId, generation, partition, key, code, reason, attempts, atMs } = event
  return {
    position,
    event_id: eventId,
    event_type: eventType,
    stream_id: streamId,
    generation,
    partition,
    key: key ?? null,
    code,
    reason,
    attempts,
    at: timeOf(atMs),
  }
}

function generationJson(status: GenerationStatus): object {
  const { generation, version, role, state, position, lagEvents, lagMs, parked, progress, partitions } = status
  return {
    generation,
    version,
    role,
    state,
    position,
    lag_events: lagEvents,
    lag_ms: lagMs,
    parked,
    progress: progress === undefined ? null : { done: progress.done, eta_ms: progress.etaMs ?? null },
    partitions: partitions.map(partitionJson),
  }
}

function partitionJson({ partition, state, owner, epoch, position, parked, failure, counts }: PartitionStatus): object {
  const { events, batches, retries, skipped, loadMs, applyMs, writeMs } = counts
  return {
    partition,
    state,
    owner: owner ?? null,
    epoch,
    position,
    parked,
    failure: failure === undefined ? null : failureJson(failure),
    counts: { events, batches, retries, skipped, load_ms: loadMs, apply_ms: applyMs, write_ms: writeMs },
  }
}

function failureJson({ code, reason, event, atMs, triedBy }: StoredFailure): object {
  return {
    code,
    reason,
    event:
      event === undefined
        ? null
        : { position: event.position, event_id: event.id, event_type: event.type, stream_id: event.streamId },
    at: timeOf(atMs),
    tried_by: triedBy,
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
