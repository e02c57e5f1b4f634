import type { Database } from './driver.ts'
import { isNoTransaction } from './errors.ts'

/** Runs several statements as one: they see one state of the file, and what they write is kept whole or not at all. */
export interface Transactions {
  /** One snapshot for everything inside. */
  read<Result>(verb: () => Result): Result
  /** The write lock from the first statement on, so that nothing that was judged can change before it is written. */
  write<Result>(verb: () => Result): Result
}

/** The transactions of one connection; `undone` is told when a write was rolled back. */
export function createTransactions(db: Database, undone: () => void): Transactions {
  const begin = db.prepare('begin')
  const beginImmediate = db.prepare('begin immediate')
  const commit = db.prepare('commit')
  const rollback = db.prepare('rollback')

  function end<Result>(verb: () => Result): Result {
    try {
      const result = verb()
      commit.run()
      return result
    } catch (error) {
      undo()
      throw error
    }
  }

  function undo(): void {
    try {
      rollback.run()
    } catch (error) {
      if (!isNoTransaction(error)) throw error
    }
  }

  return {
    read: (verb) => {
      begin.run()
      return end(verb)
    },
    write: (verb) => {
      beginImmediate.run()
      try {
        return end(verb)
      } catch (error) {
        undone()
        throw error
      }
    },
  }
}
