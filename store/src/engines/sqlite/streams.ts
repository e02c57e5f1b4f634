import { StoreCorrupt } from '../../model/errors.ts'
import { categoryOf, changedState, emptyStream, type StreamChange, type StreamState } from '../../model/stream.ts'
import { Cache } from './cache.ts'
import { type Database, type Statement, textOf } from './driver.ts'
import { unpackPositions } from './postings.ts'
import type { Recent, StreamRun } from './recent.ts'

const selectByName = 'select number, truncate_before, tombstoned from streams where name = ?'

const selectName = 'select cast(name as blob) from streams where number = ?'

const insertStream = 'insert into streams (name) values (?) returning number'

const updateState = 'update streams set truncate_before = ?, tombstoned = ? where number = ?'

const selectLastVersion = 'select last_version from stream_postings where stream = ? order by last_version desc limit 1'

/** stream, version: the run that holds the version. */
const selectRun = `
  select first_version, list from stream_postings
  where stream = ? and last_version >= ? order by last_version limit 1`

/** Streams kept in memory, at least; about 250 bytes each. */
const cachedStreams = 65_536

/** A stream as rows know it, by number, and where it stands. The transaction that appends moves it on. */
export interface KnownStream extends StreamState {
  /** 0 while the file does not know the stream. */
  number: number
  readonly category: string
  version: number
  truncateBefore: number
  tombstoned: boolean
}

/** Streams by name and by number. Names may be millions: the file holds them, memory those in use. */
export class Streams {
  readonly #recent: Recent
  readonly #known = new Cache<string, KnownStream>(cachedStreams)
  readonly #names = new Cache<number, string>(cachedStreams)
  #last: { readonly name: string; readonly stream: KnownStream } | undefined
  readonly #selectByName: Statement<[number, number, number]>
  readonly #selectName: Statement<[Uint8Array]>
  readonly #insertStream: Statement<[number]>
  readonly #updateState: Statement
  readonly #selectLastVersion: Statement<[number]>
  readonly #selectRun: Statement<[number, Uint8Array]>

  constructor(db: Database, recent: Recent) {
    this.#recent = recent
    this.#selectByName = db.prepare(selectByName)
    this.#selectName = db.prepare(selectName)
    this.#insertStream = db.prepare(insertStream)
    this.#updateState = db.prepare(updateState)
    this.#selectLastVersion = db.prepare(selectLastVersion)
    this.#selectRun = db.prepare(selectRun)
  }

  /** Where a stream stands. One that was never written to is remembered as well: appends ask for it several times. */
  find(name: string): KnownStream {
    // Judging and writing one event ask three times in a row; a table of many thousand streams is not in the processor's cache.
    if (this.#last?.name === name) return this.#last.stream
    const stream = this.#known.get(name) ?? this.#load(name)
    this.#last = { name, stream }
    return stream
  }

  #load(name: string): KnownStream {
    const row = this.#selectByName.get(name)
    if (row === undefined) return this.#remember(name, 0, emptyStream)
    const [number, truncateBefore, tombstoned] = row
    return this.#remember(name, number, {
      truncateBefore,
      tombstoned: tombstoned !== 0,
      version: this.versionOf(number),
    })
  }

  /** The stream, entered when it is new: inside a write transaction only. */
  take(name: string): KnownStream {
    const stream = this.find(name)
    if (stream.number === 0) stream.number = (this.#insertStream.get(name) as [number])[0]
    return stream
  }

  /** Writes what a fact says about a stream, which may have no events yet. */
  change(change: StreamChange): void {
    const stream = this.take(change.streamId)
    const { truncateBefore, tombstoned } = changedState(stream, change)
    this.#updateState.run(truncateBefore, tombstoned ? 1 : 0, stream.number)
    stream.truncateBefore = truncateBefore
    stream.tombstoned = tombstoned
  }

  nameOf(number: number): string {
    const cached = this.#names.get(number)
    if (cached !== undefined) return cached
    const row = this.#selectName.get(number)
    if (row === undefined) throw new StoreCorrupt(`stream number ${number} has no name`)
    const name = textOf(row[0])
    this.#names.set(number, name)
    return name
  }

  versionOf(number: number): number {
    const run = this.#recent.run(number)
    if (run !== undefined) return run.firstVersion + run.positions.length - 1
    return this.#selectLastVersion.get(number)?.[0] ?? 0
  }

  /** The stretch of a stream that holds a version, which must exist. */
  runWith(number: number, version: number): StreamRun {
    const recent = this.#recent.run(number)
    if (recent !== undefined && version >= recent.firstVersion) return recent
    const row = this.#selectRun.get(number, version)
    if (row === undefined || row[0] > version) {
      throw new StoreCorrupt(`no list holds version ${version} of stream ${JSON.stringify(this.nameOf(number))}`)
    }
    return { firstVersion: row[0], positions: unpackPositions(row[1]) }
  }

  /** Forgets where one stream stands: someone else has moved it. */
  forget(name: string): void {
    this.#known.delete(name)
    this.#last = undefined
  }

  /** Forgets everything: many streams were moved, or a transaction failed. */
  forgetAll(): void {
    this.#known.clear()
    this.#last = undefined
    this.#names.clear()
  }

  #remember(name: string, number: number, { version, truncateBefore, tombstoned }: StreamState): KnownStream {
    const stream = { number, category: categoryOf(name), version, truncateBefore, tombstoned }
    this.#known.set(name, stream)
    return stream
  }
}
