import { s3Blobs } from '../../store/src/claims/s3-blobs.ts'
import * as varve from '../../store/src/index.ts'
import { elasticsearchTarget } from '../../store/src/projections/targets/elasticsearch/index.ts'
import { documentTarget, postgresTarget } from '../../store/src/projections/targets/postgres/index.ts'
import { statementFor } from '../../store/src/projections/targets/postgres/question.ts'
import { redisTarget } from '../../store/src/projections/targets/redis/index.ts'
import { checkedRange } from '../../store/src/projections/targets/redis/reads.ts'
import { sqliteTarget } from '../../store/src/projections/targets/sqlite/index.ts'
import { appendFromKafka, kafkaRelay } from '../../store/src/relays/kafka/index.ts'
import { of, type Row, untyped } from './call.ts'

const { defineEvents, event, memoryTarget } = varve

const events = defineEvents({ T: event<number>() })
const rules = { events, initialState: () => 0, evolve: () => 0 }
const decider = varve.defineDecider({ ...rules, decide: () => [] })
const task = { decider, streamId: 'Some-1', command: 1 }
const projection = varve.defineProjection({
  name: 'some',
  events,
  target: memoryTarget(() => new Map<string, number>()),
  on: { T: () => undefined },
})
const reaction = { name: 'some', events, on: { T: () => undefined }, send: async () => undefined }
const Some = class extends varve.aggregate({ ...rules, category: 'Some' }) {}
const aside = varve.memoryBlobs()

/** Commands, and what they are made of. */
export const commands: readonly Row[] = [
  ['execute', (s) => untyped(varve.execute)(s, task, { commandID: 'c' }), 'options', 'commandId'],
  ['executeOver', (s) => untyped(varve.executeOver)(s, {}, { commandID: 'c' }), 'options', 'commandId'],
  ['foldStream', (s) => untyped(varve.foldStream)(s, task, { snapshot: 1 }), 'options', 'snapshots'],
  ['takeSnapshot', (s) => untyped(varve.takeSnapshot)(s, task, { snapshot: 1 }), 'options', 'snapshots'],
  ['repository.load', (s) => of(varve.repository(s, Some), 'load')('1', { snapshot: 1 }), 'options', 'snapshots'],
  [
    'repository.save',
    (s) => of(varve.repository(s, Some), 'save')(new Some(), { commandID: 'c' }),
    'options',
    'commandId',
  ],
  [
    'repository.execute',
    (s) => of(varve.repository(s, Some), 'execute')('1', () => undefined, { commandID: 'c' }),
    'options',
    'commandId',
  ],
  ['recentStates', () => untyped(varve.recentStates)({ streamMax: 1 }), 'options', 'streamsMax'],
  ['fileSnapshots', () => untyped(varve.fileSnapshots)({ directory: 'a', rnadom: 1 }), 'options', 'random'],
  [
    'defineDecider',
    () => untyped(varve.defineDecider)({ ...rules, decide: () => [], snapshots: { name: 'a' } }),
    'decider',
    'snapshot',
  ],
  [
    'a snapshot policy',
    () => untyped(varve.defineDecider)({ ...decider, snapshot: { name: 'a', everyEvent: 1 } }),
    'snapshot',
    'everyEvents',
  ],
  ['defineView', () => untyped(varve.defineView)({ ...rules, tag: ['a'] }), 'view', 'tags'],
  [
    'aggregate',
    () => untyped(varve.aggregate)({ ...rules, category: 'Some', snapshots: { name: 'a' } }),
    'rules',
    'snapshot',
  ],
  ['event', () => untyped(event)({ vesion: 2 }), 'options', 'version'],
  ['defineEvents', () => untyped(defineEvents)({ T: { schema: undefined, vesion: 2 } }), 'events.T', 'version'],
  [
    'personal data',
    () => untyped(defineEvents)({ T: { ...event(), personal: { subject: () => 'a', fields: { a: '' }, feilds: {} } } }),
    'events.T.personal',
    'fields',
  ],
  ['correlate', () => untyped(varve.correlate)({ corelationId: 'c' }, () => undefined), 'causation', 'correlationId'],
]

/** Consumer groups. */
export const groups: readonly Row[] = [
  ['createGroup', (s) => untyped(varve.createGroup)(s, 'g', { filters: 'everything' }), 'options', 'filter'],
  ['updateGroup', (s) => untyped(varve.updateGroup)(s, 'g', { retriesmax: 1 }), 'settings', 'retriesMax'],
  ['stopGroup', (s) => untyped(varve.stopGroup)(s, 'g', { reasons: 'a' }), 'options', 'reason'],
  ['consume', (s) => untyped(varve.consume)(s, 'g', { bufferEvent: 1 }), 'options', 'bufferEvents'],
  ['joinGroup', (s) => untyped(varve.joinGroup)(s, 'g', { bufferEvent: 1 }), 'options', 'bufferEvents'],
  ['groupInfo', (s) => untyped(varve.groupInfo)(s, 'g', { signl: 1 }), 'options', 'signal'],
  ['listGroups', (s) => untyped(varve.listGroups)(s, { prefx: 'a' }), 'options', 'prefix'],
  ['parkedEvents', (s) => untyped(varve.parkedEvents)(s, 'g', { aftr: 1 }), 'options', 'after'],
  [
    'replayParked',
    (s) => untyped(varve.replayParked)(s, 'g', { positions: [1], expectCount: 1 }),
    'choice',
    'expectedCount',
  ],
  [
    'replayParked, the first',
    (s) => untyped(varve.replayParked)(s, 'g', { positions: 'first', countMax: 1, counMax: 1 }),
    'choice',
    'countMax',
  ],
]

/** Consumers, whose calls are refused before they have joined anything. */
export const consumers: readonly Row[] = [
  ['take', (s) => of(varve.joinGroup(s, 'g'), 'take')(1, { signl: 1 }), 'options', 'signal'],
  ['joined', (s) => of(varve.joinGroup(s, 'g'), 'joined')({ signl: 1 }), 'options', 'signal'],
  ['ack', async (s) => of(await delivered(s), 'ack')({ untill: 'saved' }), 'options', 'until'],
  ['nack', async (s) => of(await delivered(s), 'nack')('park', { reasons: 'a' }), 'options', 'reason'],
]

/** An event that a consumer has. */
async function delivered(store: varve.EventStore): Promise<varve.Delivery> {
  await store.append('S', [{ type: 'T', data: 1 }])
  await varve.createGroup(store, 'g')
  for await (const delivery of varve.consume(store, 'g')) return delivery
  throw new RangeError('nothing was delivered')
}

/** Projections, their targets, reactions and relays. */
export const projections: readonly Row[] = [
  [
    'defineProjection',
    () => untyped(varve.defineProjection)({ name: 'some', events, on: {}, verison: 2 }),
    'projection',
    'version',
  ],
  ['project', (s) => untyped(varve.project)(s, projection, { signl: 1 }), 'options', 'signal'],
  ['project, waitFor', (s) => of(varve.project(s, projection), 'waitFor')(0, { signl: 1 }), 'options', 'signal'],
  [
    'runProjections, waitFor',
    (s) => of(varve.runProjections(s, [projection]), 'waitFor')('some', 0, { timeoutms: 1 }),
    'options',
    'timeoutMs',
  ],
  ['rebuild', (s) => untyped(varve.rebuild)(s, projection, { signl: 1 }), 'options', 'signal'],
  ['runProjections', (s) => untyped(varve.runProjections)(s, [projection], { leaseMS: 1 }), 'options', 'leaseMs'],
  [
    'waitForProjection',
    (s) => untyped(varve.waitForProjection)(s, 'some', 1, { timeoutms: 1 }),
    'options',
    'timeoutMs',
  ],
  [
    'verifyProjection',
    (s) => untyped(varve.verifyProjection)(s, projection, { differenceMax: 1 }),
    'options',
    'differencesMax',
  ],
  ['retryThen', () => untyped(varve.retryThen)('stop', { attemptMax: 1 }), 'options', 'attemptsMax'],
  ['listProjections', (s) => untyped(varve.listProjections)(s, { clok: 1 }), 'options', 'clock'],
  ['projectionStatus', (s) => untyped(varve.projectionStatus)(s, 'some', { clok: 1 }), 'options', 'clock'],
  ['rebuildProjection', (s) => untyped(varve.rebuildProjection)(s, 'some', { clok: 1 }), 'options', 'clock'],
  ['parkedInProjection', (s) => untyped(varve.parkedInProjection)(s, 'some', { form: 1 }), 'options', 'from'],
  [
    'replayInProjection',
    (s) => untyped(varve.replayInProjection)(s, 'some', { positions: 'all', expectedCount: 1, generaton: 1 }),
    'options',
    'generation',
  ],
  ['skipEvent', (s) => untyped(varve.skipEvent)(s, 'some', { position: 1, generaton: 1 }), 'options', 'generation'],
  ['defineReaction', () => untyped(varve.defineReaction)({ ...reaction, isEnd: () => true }), 'reaction', 'isEnded'],
  ['react', (s) => untyped(varve.react)(s, varve.defineReaction(reaction), { form: 1 }), 'options', 'from'],
  ['memoryTarget', () => untyped(memoryTarget)(() => new Map(), { copyy: 1 }), 'options', 'copy'],
  ['sqliteTarget', () => untyped(sqliteTarget)({ path: ':memory:', busyMS: 1 }), 'options', 'busyMs'],
  ['postgresTarget', () => untyped(postgresTarget)({ url: 'postgres://localhost', shema: 'a' }), 'options', 'schema'],
  ['documentTarget', () => untyped(documentTarget)({}, 'some', { index: ['a'] }), 'options', 'indexes'],
  ['a question for documents', () => untyped(statementFor)('some', { were: {} }), 'question', 'where'],
  ['redisTarget', () => untyped(redisTarget)({ prefix: 'a', uri: 'redis://localhost' }), 'options', 'url'],
  ['a range of scores', () => untyped(checkedRange)({ form: 1 }), 'range', 'from'],
  ['elasticsearchTarget', () => untyped(elasticsearchTarget)({ indexPrefix: 'a', mapping: {} }), 'options', 'mappings'],
  ['kafkaRelay', (s) => untyped(kafkaRelay)(s, { name: 'a', brokers: ['a:1'], topics: 'a' }), 'options', 'topic'],
  ['appendFromKafka', (s) => untyped(appendFromKafka)(s, { sessionMS: 1 }), 'options', 'sessionMs'],
]

/** Blobs, keys and erasure. */
export const blobsAndKeys: readonly Row[] = [
  ['memoryBlobs', () => untyped(varve.memoryBlobs)({ clok: 1 }), 'options', 'clock'],
  ['fileBlobs', () => untyped(varve.fileBlobs)({ directory: 'a', clok: 1 }), 'options', 'clock'],
  ['s3Blobs', () => untyped(s3Blobs)({ bucket: 'a', prefx: 'b' }), 'options', 'prefix'],
  [
    'claims.check',
    () => of(varve.claimCheck(aside), 'check')(new Uint8Array(), { contenttype: 'a/b' }),
    'options',
    'contentType',
  ],
  ['claims.redeem', () => of(varve.claimCheck(aside), 'redeem')({}, { signl: 1 }), 'options', 'signal'],
  ['claims.stream', () => of(varve.claimCheck(aside), 'stream')({}, { signl: 1 }), 'options', 'signal'],
  ['collectOrphans', (s) => untyped(varve.collectOrphans)(aside, [s], { dryrun: true }), 'options', 'dryRun'],
  ['verifyBlobs', (s) => untyped(varve.verifyBlobs)(aside, [s], { signl: 1 }), 'options', 'signal'],
  [
    'withPersonalData',
    (s) => untyped(varve.withPersonalData)(s, { events, keys: varve.memoryKeys(), clok: 1 }),
    'options',
    'clock',
  ],
  [
    'forget',
    (s) => untyped(varve.forget)(s, { keys: varve.memoryKeys(), subject: 'a' }, { lostkey: 'accept' }),
    'options',
    'lostKey',
  ],
  ['fileKeys', () => untyped(varve.fileKeys)({ directory: 'a', rnadom: 1 }), 'options', 'random'],
]
