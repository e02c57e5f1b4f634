import { engineConformance } from '../../store/src/conformance/index.ts'
import { dynamodb, dynamodbMaintenance } from '../../store/src/engines/dynamodb/index.ts'
import { kurrentdb } from '../../store/src/engines/kurrentdb/index.ts'
import { postgres, postgresKeys, postgresMaintenance } from '../../store/src/engines/postgres/index.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import * as varve from '../../store/src/index.ts'
import { remoteCheckpoints } from '../../store/src/remote/checkpoints.ts'
import { connect } from '../../store/src/remote/connect.ts'
import { remoteShelf } from '../../store/src/remote/shelf.ts'
import { of, type Row, untyped } from './call.ts'

const { defineEvents, event, memory, openStore } = varve
const good = { type: 'T', data: 1 }
const id = '0198c6e2-0000-7000-8000-000000000001'
const events = defineEvents({ T: event<number>() })

/** Verbs of a store. */
export const ofAStore: readonly Row[] = [
  ['append', (s) => of(s, 'append')('S', [good], { expectVersion: 3 }), 'options', 'expectedVersion'],
  [
    'append, a field that is undefined',
    (s) => of(s, 'append')('S', [good], { conditon: undefined }),
    'options',
    'condition',
  ],
  ['append, an event', (s) => of(s, 'append')('S', [good, { ...good, tag: ['a'] }]), 'events[1]', 'tags'],
  [
    'append, a version in small letters',
    (s) => of(s, 'append')('S', [{ ...good, schemaversion: 2 }]),
    'events[0]',
    'schemaVersion',
  ],
  [
    'append, a condition',
    (s) => of(s, 'append')('S', [good], { condition: { failIfMatch: 'everything', aftre: 7 } }),
    'condition',
    'after',
  ],
  [
    'append, a query',
    (s) => of(s, 'append')('S', [good], { condition: { failIfMatch: { types: ['T'], tag: ['a'] } } }),
    'condition.failIfMatch',
    'tags',
  ],
  [
    'appendAll',
    (s) => of(s, 'appendAll')([{ streamId: 'S', events: [good] }], { idempotencykey: 'k' }),
    'options',
    'idempotencyKey',
  ],
  [
    'appendAll, a write',
    (s) =>
      of(
        s,
        'appendAll',
      )([
        { streamId: 'R', events: [good] },
        { streamId: 'S', events: [good], expectedVersoin: 1 },
      ]),
    'writes[1]',
    'expectedVersion',
  ],
  [
    'append of a transaction',
    (s) => of(s.withTransaction({}), 'append')('S', [good], { expectVersion: 3 }),
    'options',
    'expectedVersion',
  ],
  [
    'appendAll of a transaction',
    (s) => of(s.withTransaction({}), 'appendAll')([], { conditions: 3 }),
    'options',
    'condition',
  ],
  ['readStream', (s) => of(s, 'readStream')('S', { form: 3 }), 'options', 'from'],
  ['readAll', (s) => of(s, 'readAll')({ filters: 'everything' }), 'options', 'filter'],
  ['readEvent', (s) => of(s, 'readEvent')(id, { singal: 1 }), 'options', 'signal'],
  ['trace', (s) => of(s, 'trace')('c', { limits: 1 }), 'options', 'limit'],
  ['head', (s) => of(s, 'head')({ signl: 1 }), 'options', 'signal'],
  ['heads', (s) => of(s, 'heads')({ signl: 1 }), 'options', 'signal'],
  ['streams', (s) => of(s, 'streams')({ prefx: 'a' }), 'options', 'prefix'],
  ['streamInfo', (s) => of(s, 'streamInfo')('S', { signl: 1 }), 'options', 'signal'],
  ['getStreamMetadata', (s) => of(s, 'getStreamMetadata')('S', { signl: 1 }), 'options', 'signal'],
  ['setStreamMetadata', (s) => of(s, 'setStreamMetadata')('S', {}, { expectVersion: 1 }), 'options', 'expectedVersion'],
  ['truncateBefore', (s) => of(s, 'truncateBefore')('S', 1, { signl: 1 }), 'options', 'signal'],
  ['deleteStream', (s) => of(s, 'deleteStream')('S', { expectVersion: 1 }), 'options', 'expectedVersion'],
  ['tombstone', (s) => of(s, 'tombstone')('S', { expectVersion: 1 }), 'options', 'expectedVersion'],
  ['subscribe', (s) => of(s, 'subscribe')({ checkpiont: 'c' }), 'options', 'checkpoint'],
  [
    'subscribe, a checkpoint',
    (s) => of(s, 'subscribe')({ checkpoint: { name: 'c', everyEvent: 1 } }),
    'checkpoint',
    'everyEvents',
  ],
  ['checkpoints.load', (s) => of(s.checkpoints, 'load')('c', { signl: 1 }), 'options', 'signal'],
  ['checkpoints.save', (s) => of(s.checkpoints, 'save')('c', 1, { expectVersion: 1 }), 'options', 'expectedVersion'],
  ['shelf.get', (s) => of(s.shelf, 'get')('k', { signl: 1 }), 'options', 'signal'],
  ['shelf.put', (s) => of(s.shelf, 'put')('k', 1, { expectVersion: 1 }), 'options', 'expectedVersion'],
  ['shelf.delete', (s) => of(s.shelf, 'delete')('k', { expectVersion: 1 }), 'options', 'expectedVersion'],
  ['shelf.list', (s) => of(s.shelf, 'list')({ prefx: 'a' }), 'options', 'prefix'],
  ['category', (s) => of(s, 'category')('Some', events, { undefinedEvent: 'skip' }), 'options', 'undefinedEvents'],
  ['category.readAll', (s) => of(s.category('Some', events), 'readAll')({ tag: ['a'] }), 'options', 'tags'],
  ['category.subscribe', (s) => of(s.category('Some', events), 'subscribe')({ type: ['T'] }), 'options', 'types'],
  [
    'stream.append',
    (s) => of(s.category('Some', events).stream('1'), 'append')([{ ...good, tag: ['a'] }]),
    'events[0]',
    'tags',
  ],
  ['stream.read', (s) => of(s.category('Some', events).stream('1'), 'read')({ form: 1 }), 'options', 'from'],
  [
    'stream.subscribe',
    (s) => of(s.category('Some', events).stream('1'), 'subscribe')({ mark: true }),
    'options',
    'marks',
  ],
]

/** What a store behind a server does in its own way. */
export const ofAServer: readonly Row[] = [
  ['connect', () => untyped(connect)({ url: 'http://127.0.0.1:1', timeoutms: 1 }), 'options', 'timeoutMs'],
  ['checkpoints.load', () => of(remoteCheckpoints({} as never), 'load')('c', { signl: 1 }), 'options', 'signal'],
  [
    'checkpoints.save',
    () => of(remoteCheckpoints({} as never), 'save')('c', 1, { expectVersion: 1 }),
    'options',
    'expectedVersion',
  ],
  ['shelf.get', () => of(remoteShelf({} as never), 'get')('k', { signl: 1 }), 'options', 'signal'],
  ['shelf.put', () => of(remoteShelf({} as never), 'put')('k', 1, { expectVersion: 1 }), 'options', 'expectedVersion'],
  [
    'shelf.delete',
    () => of(remoteShelf({} as never), 'delete')('k', { expectVersion: 1 }),
    'options',
    'expectedVersion',
  ],
  ['shelf.list', () => of(remoteShelf({} as never), 'list')({ prefx: 'a' }), 'options', 'prefix'],
]

/** What opens stores and engines. */
export const engines: readonly Row[] = [
  ['openStore', () => untyped(openStore)({ engine: memory(), newID: () => id }), 'options', 'newId'],
  [
    'engineConformance',
    () => untyped(engineConformance)({ test: () => undefined, open: memory, seeds: 1 }),
    'suite',
    'seed',
  ],
  ['memory', () => untyped(memory)({ logShard: 2 }), 'options', 'logShards'],
  ['sqlite', () => untyped(sqlite)({ path: ':memory:', clok: 1 }), 'options', 'clock'],
  ['postgres', () => untyped(postgres)({ url: 'postgres://localhost', connectionMax: 4 }), 'options', 'connectionsMax'],
  [
    'postgresMaintenance',
    () => untyped(postgresMaintenance)({ url: 'postgres://localhost', shema: 'a' }),
    'options',
    'schema',
  ],
  ['postgresKeys', () => untyped(postgresKeys)({ url: 'postgres://localhost', shema: 'a' }), 'options', 'schema'],
  ['dynamodb', () => untyped(dynamodb)({ table: 'events', logShard: 2 }), 'options', 'logShards'],
  [
    'dynamodbMaintenance',
    () => untyped(dynamodbMaintenance)({ table: 'events', endPoints: '' }),
    'options',
    'endpoint',
  ],
  ['kurrentdb', () => untyped(kurrentdb)({ url: 'kurrentdb://localhost', nameSpace: 'a' }), 'options', 'namespace'],
]
