import { StoreCorrupt } from '../../model/errors.ts'
import { Cache } from './cache.ts'
import { type Database, type Statement, textOf } from './driver.ts'

/** Names kept in memory, at least. */
const cachedNames = 4_096

/** Names that rows refer to by number. Each is written, once, by the transaction that first uses it. */
export class Dictionary {
  readonly #table: 'types' | 'contents'
  readonly #numbers = new Cache<string, number>(cachedNames)
  readonly #names = new Cache<number, string>(cachedNames)
  readonly #selectNumber: Statement<[number]>
  readonly #selectName: Statement<[Uint8Array]>
  readonly #insert: Statement<[number]>

  constructor(db: Database, table: 'types' | 'contents') {
    this.#table = table
    this.#selectNumber = db.prepare(`select number from ${table} where name = ?`)
    this.#selectName = db.prepare(`select cast(name as blob) from ${table} where number = ?`)
    this.#insert = db.prepare(`insert into ${table} (name) values (?) returning number`)
  }

  /** The number of a name, which is entered when it is new: inside a write transaction only. */
  numberOf(name: string): number {
    const cached = this.#numbers.get(name)
    if (cached !== undefined) return cached
    const [number] = (this.#selectNumber.get(name) ?? this.#insert.get(name)) as [number]
    this.#remember(number, name)
    return number
  }

  nameOf(number: number): string {
    const cached = this.#names.get(number)
    if (cached !== undefined) return cached
    const row = this.#selectName.get(number)
    if (row === undefined) throw new StoreCorrupt(`number ${number} is missing in table ${this.#table}`)
    const name = textOf(row[0])
    this.#remember(number, name)
    return name
  }

  /** Drops what a failed transaction may have left in memory. */
  forget(): void {
    this.#numbers.clear()
    this.#names.clear()
  }

  #remember(number: number, name: string): void {
    this.#numbers.set(name, number)
    this.#names.set(number, name)
  }
}
