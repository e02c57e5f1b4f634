import { Counter, Gauge, type Registry } from 'prom-client'
import type { GenerationStatus, PartitionStatus, ProjectionStatus } from 'varve'

const ofGeneration = ['projection', 'generation'] as const
const ofPartition = [...ofGeneration, 'partition'] as const

/** The numbers of projections, in Prometheus' form. */
export interface ProjectionMetrics {
  /** Shows these, and nothing of what was shown before; undefined when nobody knows how they are doing. */
  show(statuses: readonly ProjectionStatus[] | undefined): void
}

/**
 * The numbers of all projections of a store. What is counted lies on its shelf, so that every server of a store shows the
 * same, and a counter goes on where another instance takes over.
 */
export function createProjectionMetrics(registry: Registry): ProjectionMetrics {
  const registers = [registry]
  const known = new Gauge({
    name: 'varve_projections_known',
    help: '1 when the store told how its projections are doing, 0 when it did not: then there are no numbers of them.',
    registers,
  })
  const generations = generationMetrics(registers)
  const partitions = partitionMetrics(registers)
  return {
    show: (statuses) => {
      known.set(statuses === undefined ? 0 : 1)
      for (const metric of [...generations.all, ...partitions.all]) metric.reset()
      for (const { name, generations: builds } of statuses ?? []) {
        for (const build of builds.filter(({ role }) => role !== 'retired')) {
          generations.show(name, build)
          for (const partition of build.partitions) partitions.show(name, build, partition)
        }
      }
    },
  }
}

function generationMetrics(registers: Registry[]) {
  const info = new Gauge({
    name: 'varve_projection_generation_info',
    help: 'The builds of read models: building, published (what readers see) or kept.',
    labelNames: [...ofGeneration, 'version', 'role'] as const,
    registers,
  })
  const lagSeconds = new Gauge({
    name: 'varve_projection_lag_seconds',
    help: 'How long the first event that is missing in the read model has been in the store.',
    labelNames: ofGeneration,
    registers,
  })
  return {
    all: [info, lagSeconds],
    show: (projection: string, { generation, version, role, lagMs }: GenerationStatus): void => {
      info.set({ projection, generation, version, role }, 1)
      lagSeconds.set({ projection, generation }, lagMs / 1_000)
    },
  }
}

function partitionMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string): Gauge<(typeof ofPartition)[number]> =>
    new Gauge({ name: `varve_projection_${name}`, help, labelNames: ofPartition, registers })
  const counter = (name: string, help: string): Counter<(typeof ofPartition)[number]> =>
    new Counter({ name: `varve_projection_${name}_total`, help, labelNames: ofPartition, registers })
  const position = gauge('position', 'Everything up to here is in the read model, except for what is parked.')
  const lagEvents = gauge('lag_events', 'Events of the store between the position and the head.')
  const parked = gauge('parked_events', 'Events that are set aside.')
  const events = counter('events', 'Events that were handled.')
  const batches = counter('batches', 'Batches that were saved.')
  const retries = counter('retries', 'Batches that were tried again.')
  const skipped = counter('skipped_events', 'Events that were passed over because somebody said so.')
  const state = new Gauge({
    name: 'varve_projection_state',
    help: 'The state it is in.',
    labelNames: [...ofPartition, 'state'] as const,
    registers,
  })
  const owner = new Gauge({
    name: 'varve_projection_owner_info',
    help: 'The instance that runs it.',
    labelNames: [...ofPartition, 'owner'] as const,
    registers,
  })
  const seconds = new Counter({
    name: 'varve_projection_seconds_total',
    help: 'Time spent on reading events, in handlers, and on the transactions of the target.',
    labelNames: [...ofPartition, 'step'] as const,
    registers,
  })

  function show(projection: string, build: GenerationStatus, status: PartitionStatus): void {
    const labels = { projection, generation: build.generation, partition: status.partition }
    const { counts } = status
    position.set(labels, status.position)
    // The head is that of the generation's own lag.
    lagEvents.set(labels, Math.max(0, build.position + build.lagEvents - status.position))
    parked.set(labels, status.parked)
    events.inc(labels, counts.events)
    batches.inc(labels, counts.batches)
    retries.inc(labels, counts.retries)
    skipped.inc(labels, counts.skipped)
    state.set({ ...labels, state: status.state }, 1)
    if (status.owner !== undefined) owner.set({ ...labels, owner: status.owner }, 1)
    seconds.inc({ ...labels, step: 'load' }, counts.loadMs / 1_000)
    seconds.inc({ ...labels, step: 'apply' }, counts.applyMs / 1_000)
    seconds.inc({ ...labels, step: 'write' }, counts.writeMs / 1_000)
  }

  return { all: [position, lagEvents, parked, events, batches, retries, skipped, state, owner, seconds], show }
}
