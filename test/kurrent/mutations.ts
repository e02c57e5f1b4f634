import type { seeded } from '../../store/src/conformance/seeded.ts'
import { persistent, persistentMessage, someSettings, streamIdentifier } from './persistent-messages.ts'
import { encoded, named, proposed } from './streams-messages.ts'

/** Random choices that a seed repeats. */
export type Chance = ReturnType<typeof seeded>

/** Requests of clients, by method, that mutations begin with. */
export interface Sample {
  readonly method: string
  readonly messages: readonly Buffer[]
}

const id = '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d'
const other = '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6e'
const streams = '/event_store.client.streams.Streams'
const v2 = '/kurrentdb.protocol.v2.streams.StreamsService'

const expecting = (stream: string, more: object = { any: {} }) => ({ streamIdentifier: named(stream), ...more })
const reading = (options: object) =>
  encoded('ReadReq', { options: { noFilter: {}, uuidOption: { string: {} }, count: 10, ...options } })
const ofStream = (stream: string, from: object) => ({ stream: { streamIdentifier: named(stream), ...from } })
const filter = (more: object) => ({ max: 3, checkpointIntervalMultiplier: 2, ...more })

/** One of everything that official clients send. */
export const samples: readonly Sample[] = [
  {
    method: `${streams}/Append`,
    messages: [
      encoded('AppendReq', { options: expecting('Order-1', { noStream: {} }) }),
      encoded('AppendReq', { proposedMessage: proposed(id, { customMetadata: Buffer.from('{"a":1}') }) }),
      encoded('AppendReq', { proposedMessage: proposed(other) }),
    ],
  },
  {
    method: `${streams}/BatchAppend`,
    messages: [
      encoded('BatchAppendReq', {
        correlationId: { string: id },
        options: { ...expecting('Order-2', { revision: 3 }), deadline: { seconds: 1, nanos: 5 } },
        proposedMessages: [proposed(id)],
      }),
      encoded('BatchAppendReq', {
        correlationId: { structured: { mostSignificantBits: 5, leastSignificantBits: -5 } },
        options: expecting('$$Order-1'),
        proposedMessages: [
          proposed(other, {
            metadata: { type: '$metadata', 'content-type': 'application/json' },
            data: Buffer.from('{"$maxCount":2,"$tb":1}'),
          }),
        ],
        isFinal: true,
      }),
      encoded('BatchAppendReq', {
        correlationId: { string: id },
        proposedMessages: [proposed(other), proposed(other)],
        isFinal: true,
      }),
    ],
  },
  ...[
    ofStream('Order-1', { start: {} }),
    { ...ofStream('Order-2', { revision: 3 }), readDirection: 1, controlOption: { compatibility: 1 } },
    { ...ofStream('$ce-Order', { end: {} }), readDirection: 1, resolveLinks: true, uuidOption: { structured: {} } },
    { ...ofStream('$streams', { start: {} }), count: undefined, subscription: {} },
    { ...ofStream('Order-1', { end: {} }), count: undefined, subscription: {} },
    { all: { position: { commitPosition: 2, preparePosition: 2 } }, resolveLinks: true },
    { all: { start: {} }, noFilter: undefined, filter: filter({ streamIdentifier: { prefix: ['Order-', '$'] } }) },
    {
      all: { start: {} },
      noFilter: undefined,
      filter: filter({ eventType: { regex: '^[^$].*' } }),
      count: undefined,
      subscription: {},
    },
  ].map((options) => ({ method: `${streams}/Read`, messages: [reading(options)] })),
  { method: `${streams}/Delete`, messages: [encoded('AppendReq', { options: expecting('Order-1') })] },
  {
    method: `${streams}/Tombstone`,
    messages: [encoded('AppendReq', { options: expecting('Order-3', { revision: 0 }) })],
  },
  // A stream, an expectation, and a record with an id, a schema and data.
  {
    method: `${v2}/AppendSession`,
    messages: [Buffer.from('0a074f726465722d3412160a001a0a080112065061796d656e2202' + '7b7d180a', 'hex')],
  },
  {
    method: `${v2}/AppendRecords`,
    messages: [Buffer.from('0a161a08080112045061696422027b7d2a074f726465722d35120d0a0b0a074f726465722d351001', 'hex')],
  },
  ...persistentSamples(),
  { method: '/event_store.client.gossip.Gossip/Read', messages: [Buffer.alloc(0)] },
  { method: '/event_store.client.server_features.ServerFeatures/GetSupportedMethods', messages: [Buffer.alloc(0)] },
  { method: '/event_store.client.users.Users/Details', messages: [Buffer.from('0a070a0561646d696e', 'hex')] },
  { method: '/event_store.client.operations.Operations/StopScavenge', messages: [Buffer.from('0a030a0178', 'hex')] },
]

/** Requests about persistent subscriptions: one that all of them name, so that some find it. */
function persistentSamples(): readonly Sample[] {
  const [all, of] = [
    { all: {}, groupName: 'g' },
    { streamIdentifier: streamIdentifier('Order-1'), groupName: 'g' },
  ]
  const settings = { ...someSettings, consumerStrategy: 'PinnedByCorrelation' }
  const sample = (method: string, ...messages: readonly (readonly [string, object])[]): Sample => {
    return {
      method: `${persistent}/${method}`,
      messages: messages.map(([name, said]) => persistentMessage(name, said)),
    }
  }
  const words: readonly (readonly [string, object])[] = [
    ['ReadReq', { ack: { ids: [{ string: id }, { structured: { mostSignificantBits: 5 } }] } }],
    ['ReadReq', { nack: { ids: [{ string: id }], action: 1, reason: 'why' } }],
  ]
  const filter = { eventType: { prefix: ['P', 'Q'] }, max: 32 }
  return [
    sample('Create', ['CreateReq', { options: { ...of, settings } }]),
    sample('Create', ['CreateReq', { options: { all: { start: {}, filter }, groupName: 'g', settings } }]),
    sample('Update', ['CreateReq', { options: { ...of, settings: someSettings } }]),
    sample('Read', ['ReadReq', { options: { ...of, bufferSize: 10, uuidOption: { string: {} } } }], ...words),
    sample('Read', ['ReadReq', { options: { ...all, bufferSize: 10, uuidOption: { structured: {} } } }], ...words),
    sample('GetInfo', ['GetInfoReq', { options: of }]),
    sample('List', ['ListReq', { options: { listAllSubscriptions: {} } }]),
    sample('ReplayParked', ['ReplayParkedReq', { options: { ...all, stopAt: 3 } }]),
    sample('Delete', ['DeleteReq', { options: of }]),
    sample('RestartSubsystem'),
  ]
}

/** Bytes as a client might send them that is broken, or wants to break something. */
export function mutated(bytes: Buffer, chance: Chance): Buffer {
  let mutant: Buffer = Buffer.from(bytes)
  for (let count = chance.below(4); count >= 0; count--) mutant = mutatedOnce(mutant, chance)
  return mutant
}

function mutatedOnce(bytes: Buffer, chance: Chance): Buffer {
  const at = chance.below(bytes.length + 1)
  const to = Math.min(bytes.length, at + 1 + chance.below(8))
  const [before, cut, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
  switch (chance.below(7)) {
    case 0:
      return Buffer.concat([before, after])
    case 1:
      return Buffer.concat([before, cut, cut, after])
    case 2:
      return Buffer.concat([before, noise(chance, 1 + chance.below(12)), after])
    case 3:
      return before
    case 4:
      return Buffer.concat([before, Buffer.alloc(1 + chance.below(11), 0xff), after])
    case 5:
      return Buffer.concat([before, cut.map((octet) => octet ^ (1 << chance.below(8))), after])
    default:
      return Buffer.concat([after, cut, before])
  }
}

function noise(chance: Chance, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => chance.below(256)))
}
