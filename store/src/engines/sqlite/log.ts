import { StoreCorrupt } from '../../model/errors.ts'
import { categoryOf, subjectOf } from '../../model/stream.ts'
import { Dictionary } from './dictionary.ts'
import type { Database, Statement } from './driver.ts'
import { EventIds, fingerprintOf, forEachFingerprint } from './event-ids.ts'
import { EventRows } from './event-rows.ts'
import { Recent, type Traits } from './recent.ts'
import { Streams } from './streams.ts'

const selectHead = 'select max(position) from events'

const selectSealedTo = 'select max(last_position) from chunks'

/** after: the events that memory does not know yet. */
const selectNewcomers =
  'select position, stream, version, id, type, tags from events where position > ? order by position'

/** after: a few chunks at a time, for each is tens of kilobytes. */
const selectChunks = `
  select last_position, first_position, fingerprints from chunks
  where last_position > ? order by last_position limit 64`

/** position: to confirm an id. */
const selectPlace = 'select id, stream, version from events where position = ?'

type Newcomer = readonly [
  position: number,
  stream: number,
  version: number,
  id: string,
  type: number,
  tags: string | null,
]

/** Where the event with a certain id lies. */
export interface Place {
  readonly position: number
  readonly streamId: string
  readonly version: number
}

/**
 * What one connection knows about the file: how far the log goes, what was not sealed yet, and caches.
 *
 * Invariants, between transactions: memory describes exactly the events up to `head`; those up to `sealedTo` are in
 * posting lists on disk, the others in `recent`. Inside one, the last few may wait in `rows`. Other processes may write at any time, so every transaction begins with
 * {@link Log.refresh}. A transaction that failed leaves memory ahead of the file: {@link Log.distrust} has it built anew.
 */
export class Log {
  head = 0
  sealedTo = 0
  readonly recent: Recent = new Recent()
  readonly streams: Streams
  readonly types: Dictionary
  readonly contents: Dictionary
  /** Rows that the transaction under way has yet to write. */
  readonly rows: EventRows
  readonly #ids = new EventIds()
  /** The last sealed position whose fingerprint is in memory; undefined until the first id is looked up. */
  #idsSealedTo: number | undefined
  #trusted = true
  readonly #selectHead: Statement<[number | null]>
  readonly #selectSealedTo: Statement<[number | null]>
  readonly #selectNewcomers: Statement<Newcomer>
  readonly #selectChunks: Statement<[number, number, Uint8Array]>
  readonly #selectPlace: Statement<[string, number, number]>

  constructor(db: Database) {
    this.streams = new Streams(db, this.recent)
    this.types = new Dictionary(db, 'types')
    this.contents = new Dictionary(db, 'contents')
    this.rows = new EventRows(db)
    this.#selectHead = db.prepare(selectHead)
    this.#selectSealedTo = db.prepare(selectSealedTo)
    this.#selectNewcomers = db.prepare(selectNewcomers)
    this.#selectChunks = db.prepare(selectChunks)
    this.#selectPlace = db.prepare(selectPlace)
  }

  /** Takes in what others have written. The first thing in every transaction. */
  refresh(): void {
    if (!this.#trusted) this.#startOver()
    const head = this.#selectHead.get()?.[0] ?? 0
    if (head === this.head) return
    if (head < this.head) throw new StoreCorrupt(`the log ended at position ${this.head} and now ends at ${head}`)
    const sealedTo = this.#selectSealedTo.get()?.[0] ?? 0
    // A seal by someone else covers events that were never seen here one by one, so what is known of streams is void.
    if (sealedTo !== this.sealedTo) this.#restartAt(sealedTo)
    for (const row of this.#selectNewcomers.all(this.head)) this.#takeIn(row)
  }

  /** Memory may be ahead of the file, because a transaction failed: the next one begins by reading it anew. */
  distrust(): void {
    this.#trusted = false
  }

  /** Where the event with this id lies, or undefined when there is none. */
  find(id: string, fingerprint: number): Place | undefined {
    if (this.#idsSealedTo === undefined) this.#loadFingerprints(0)
    const candidates = this.#ids.candidates(fingerprint, this.head)
    if (candidates.length === 0) return undefined
    this.rows.flush()
    for (const position of candidates) {
      const row = this.#selectPlace.get(position)
      if (row?.[0] === id) return { position, streamId: this.streams.nameOf(row[1]), version: row[2] }
    }
    return undefined
  }

  /** Enters the next event, which lies in the file or in `rows` already. */
  add(event: Traits): void {
    this.head++
    this.recent.add(this.head, event)
    if (this.#idsSealedTo !== undefined) this.#ids.add(event.fingerprint, this.head)
  }

  /** Everything recent was written to posting lists by the transaction under way. */
  sealed(): void {
    this.recent.clear()
    this.sealedTo = this.head
    if (this.#idsSealedTo !== undefined) this.#idsSealedTo = this.head
  }

  #takeIn([position, stream, version, id, type, tags]: Newcomer): void {
    if (position !== this.head + 1) throw new StoreCorrupt(`position ${this.head + 1} is missing before ${position}`)
    const name = this.streams.nameOf(stream)
    this.add({
      stream,
      version,
      type: this.types.nameOf(type),
      category: categoryOf(name),
      tags: tags === null ? [] : (JSON.parse(tags) as string[]),
      fingerprint: fingerprintOf(id),
    })
    this.streams.forget(name)
    const subject = subjectOf(name)
    if (subject !== undefined) this.streams.forget(subject)
  }

  #startOver(): void {
    this.#restartAt(0)
    this.rows.forget()
    this.types.forget()
    this.contents.forget()
    this.head = 0
    this.#trusted = true
  }

  #restartAt(sealedTo: number): void {
    this.recent.clear()
    this.streams.forgetAll()
    this.sealedTo = sealedTo
    this.head = sealedTo
    if (this.#idsSealedTo !== undefined && this.#idsSealedTo < sealedTo) this.#loadFingerprints(this.#idsSealedTo)
  }

  #loadFingerprints(after: number): void {
    this.#ids.reserve(this.sealedTo)
    let loadedTo = after
    for (;;) {
      const chunks = this.#selectChunks.all(loadedTo)
      if (chunks.length === 0) break
      for (const [lastPosition, firstPosition, fingerprints] of chunks) {
        forEachFingerprint(fingerprints, (fingerprint, index) => {
          this.#ids.add(fingerprint, firstPosition + index)
        })
        loadedTo = lastPosition
      }
    }
    const { fingerprints } = this.recent
    fingerprints.forEach((fingerprint, index) => {
      this.#ids.add(fingerprint, this.sealedTo + 1 + index)
    })
    this.#idsSealedTo = loadedTo
  }
}
