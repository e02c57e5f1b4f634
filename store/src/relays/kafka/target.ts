import { InvalidArgument, StoreClosed } from '../../model/errors.ts'
import type { StoreShelf } from '../../model/shelf.ts'
import type { Generations, Target } from '../../model/target.ts'
import { buildTarget, type Opened } from '../../projections/targets/build-target.ts'
import { checkedGeneration } from '../../projections/targets/generation.ts'
import { AtLeastOnce } from './at-least-once.ts'
import type { KafkaCluster } from './client.ts'
import { ExactlyOnce } from './exactly-once.ts'
import type { KafkaOutbox, Lane } from './outbox.ts'

/** Where a relay publishes to, and how. */
export interface KafkaTargetOptions {
  readonly cluster: KafkaCluster
  readonly shelf: StoreShelf
  readonly delivery: 'at_least_once' | 'exactly_once'
  readonly checkpointTopic: string
}

/** Generations from here on are those of comparisons, which nobody is to see. */
const scratchFrom = 1_000_000_000

/** Kafka as the target of a projection: what is published is what others have of a read model. */
export function kafkaTarget(options: KafkaTargetOptions): Target<KafkaOutbox> {
  const builds = new Set<Target<KafkaOutbox>>()
  const published = new Map<string, number>()
  let isClosed = false
  const check = (): void => {
    if (isClosed) throw new StoreClosed('The target')
  }
  const parts: Opened = { check, underWay: new Set() }
  const opened = (generation: number, projection?: string): Target<KafkaOutbox> => {
    const build = buildOf(options, parts, generation, projection)
    builds.add(build)
    return build
  }
  const generations: Generations<KafkaOutbox> = {
    open: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      if (generation >= scratchFrom) throw notComparable()
      return opened(generation, projection)
    },
    published: async (projection) => published.get(projection),
    // Consumers read the topics that the relay chose for this generation: there is nothing to switch.
    publish: async (given) => {
      const { projection, generation } = checkedGeneration(given)
      published.set(projection, generation)
    },
    // What was published is its consumers'. A checkpoint on the shelf goes; one in Kafka stays in its topic, where nobody asks
    // for it, since the number of a generation is not given twice.
    drop: async (given) => {
      const { projection, generation } = checkedGeneration(given)
      const prefix = placeOf(projection, generation)
      for await (const { key } of options.shelf.list({ prefix })) await options.shelf.delete(key)
    },
    entries: () => {
      throw notComparable()
    },
  }
  const close = async (): Promise<void> => {
    isClosed = true
    await Promise.all([...builds].map((build) => build.close()))
  }
  return { ...opened(0), generations, close, [Symbol.asyncDispose]: close }
}

function notComparable(): InvalidArgument {
  return new InvalidArgument('projection', 'is a relay: what it has published is with its consumers, to compare there')
}

function placeOf(projection: string, generation: number): string {
  return `relay/kafka/${projection}/${generation}/`
}

/** One publication of the log. `owner` is the relay, where the name of a checkpoint does not say it. */
function buildOf(
  { cluster, shelf, delivery, checkpointTopic }: KafkaTargetOptions,
  parts: Opened,
  generation: number,
  owner?: string,
): Target<KafkaOutbox> {
  const lanes = new Map<string, Lane>()
  const laneOf = (name: string): Lane => {
    const known = lanes.get(name)
    if (known !== undefined) return known
    const key = placeOf(owner ?? name, generation) + name
    const lane =
      delivery === 'exactly_once'
        ? new ExactlyOnce(cluster, { topic: checkpointTopic, key: `varve-${key}`, name, generation })
        : new AtLeastOnce(cluster, { shelf, key, name, generation })
    lanes.set(name, lane)
    return lane
  }
  const build = {
    checkpoint: (name: string) => laneOf(name).checkpoint(),
    write: (_: string, change: Parameters<Lane['write']>[0] & { readonly projection: string }) =>
      laneOf(change.projection).write(change),
  }
  const target = buildTarget(parts, build, () => unread(generation), owner)
  const close = async (): Promise<void> => {
    await target.close()
    await Promise.all([...lanes.values()].map((lane) => lane.close()))
  }
  return { ...target, close, [Symbol.asyncDispose]: close }
}

/** What is published is read from Kafka. */
function unread(generation: number): KafkaOutbox {
  return {
    generation,
    send: () => Promise.reject(new InvalidArgument('readModel', 'is written by the relay alone')),
  }
}
