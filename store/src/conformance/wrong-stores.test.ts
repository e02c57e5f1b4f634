import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import { logShardOf } from '../model/log-shard.ts'
import { openStore } from '../open-store.ts'
import { runStoreCase } from './run.ts'
import { shardStoreCases } from './store/shards.ts'

/** What a wrong subscription yields for each item; undefined for nothing. */
type Change = (item: SubscriptionItem) => SubscriptionItem | undefined

const logShards = 4

interface Wrong {
  readonly change?: () => Change
  readonly begin?: (options: SubscribeOptions) => SubscribeOptions
  /** Whether a wrong subscription ends, so that nobody waits for what never comes. */
  readonly ends?: (item: SubscriptionItem, events: number) => boolean
}

/** A store over a log in shards whose subscriptions are changed on their way to the reader. */
function subscribing({ change = () => (item) => item, begin = (same) => same, ends = () => false }: Wrong) {
  return (): EventStore => {
    const store = openStore({ engine: memory({ logShards }) })
    async function* changed({ marks = false, ...options }: SubscribeOptions): AsyncGenerator<unknown> {
      const changing = change()
      let events = 0
      for await (const item of store.subscribe({ ...begin(options), marks: true })) {
        if (item.kind === 'event') events++
        const wrong = changing(item)
        if (wrong?.kind === 'event') yield marks ? wrong : wrong.event
        else if (wrong !== undefined && marks) yield wrong
        if (ends(item, events)) return
      }
    }
    const subscribe = ((options: SubscribeOptions = {}) => changed(options)) as EventStore['subscribe']
    return { ...store, subscribe }
  }
}

/** Loses what comes of one shard after another one has caught up: that shard was slow, and is passed. */
function losingTheSlow(): Change {
  let last = -1
  return (item) => {
    if (item.kind !== 'event') return item
    const shard = logShardOf(item.event.streamId, logShards)
    if (shard < last) return undefined
    last = shard
    return item
  }
}

/** Names positions that a mark before it has passed. */
function goingBack(): Change {
  const marks: SubscriptionItem[] = []
  return (item) => {
    if (item.kind === 'event') return item
    return marks.push(item) === 3 ? marks[0] : item
  }
}

/** Says of the whole log that it has caught up as soon as one shard has. */
function earlyCaughtUp(): Change {
  return (item) => (item.kind === 'checkpoint' ? { ...item, kind: 'caught_up' } : item)
}

/** Takes the highest position for how far every shard is. */
function onePlace(options: SubscribeOptions): SubscribeOptions {
  const { after } = options
  if (after === undefined) return options
  const highest = Math.floor(Math.max(...after) / logShards)
  return { ...options, after: after.map((_, shard) => (highest === 0 ? 0 : highest * logShards + shard)) }
}

/** Each with a rule that it must break; what else it breaks follows from that. */
const wrongStores: readonly (readonly [string, string, () => EventStore])[] = [
  [
    'passes events of a slow shard',
    'store/shards-follow',
    subscribing({ change: losingTheSlow, ends: (_, events) => events === 120 }),
  ],
  ['has marks that go back', 'store/shards-marks', subscribing({ change: goingBack })],
  ['has caught up when one shard has', 'store/shards-marks', subscribing({ change: earlyCaughtUp })],
  [
    'goes on after one position for all shards',
    'store/positions',
    subscribing({ begin: onePlace, ends: ({ kind }) => kind === 'caught_up' }),
  ],
]

describe('a store that is wrong about shards fails the case about it', () => {
  for (const [name, rule, open] of wrongStores) {
    it(name, async () => {
      const broken: string[] = []
      for (const one of shardStoreCases.filter((other) => other.rule === rule)) {
        await runStoreCase(one, () => ({ store: open() })).catch(() => broken.push(one.rule))
      }
      deepEqual([...new Set(broken)], [rule])
    })
  }
})
