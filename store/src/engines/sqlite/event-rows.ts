import type { Payload } from '../../model/payload.ts'
import type { Database, Statement, Value } from './driver.ts'

const insertInto = `
  insert into events (position, stream, version, id, type, schema_version, content, recorded_at, tags, data, metadata)
  values `
const placeholders = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
const columns = 11

/** An event as it lies in the table. */
export type EventRow = readonly [
  position: number,
  stream: number,
  version: number,
  id: string,
  type: number,
  schemaVersion: number,
  content: number,
  recordedAtMs: number,
  tags: string | null,
  data: Payload,
  metadata: Payload,
]

/**
 * Rows that one statement takes, largest first. Entering SQLite and starting its program costs a third of an insert:
 * by sixteens it takes 2.2 us of CPU instead of 3.2, and sixty-four gain nothing more.
 */
const sizes = [16, 4, 1] as const
const [rowsMax] = sizes

/**
 * Events on their way into the table, written several at a time. What was added is not in the file yet: whoever looks
 * at rows, or commits, flushes first.
 */
export class EventRows {
  readonly #inserts: readonly (readonly [rows: number, insert: Statement])[]
  /** Values of the rows that wait, one row after the other; what lies behind them is left from before. */
  readonly #values: Value[] = []
  #waiting = 0

  constructor(db: Database) {
    this.#inserts = sizes.map((rows) => [rows, db.prepare(insertInto + Array(rows).fill(placeholders).join(', '))])
  }

  add(row: EventRow): void {
    const at = this.#waiting * columns
    for (let column = 0; column < columns; column++) this.#values[at + column] = row[column] as Value
    this.#waiting++
    if (this.#waiting === rowsMax) this.flush()
  }

  flush(): void {
    let written = 0
    for (const [rows, insert] of this.#inserts) {
      for (; this.#waiting - written >= rows; written += rows) {
        insert.run(...this.#values.slice(written * columns, (written + rows) * columns))
      }
    }
    this.#waiting = 0
  }

  /** Drops what waits: its transaction was rolled back. */
  forget(): void {
    this.#waiting = 0
  }
}
