import { InvalidArgument } from '../../../model/errors.ts'

/** What stands in quotes or in comments, and the bodies of triggers, which have a beginning and an end of their own. */
const inert =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\bcreate\s+(?:temp\w*\s+)?trigger\b[\s\S]*?\bend\s*(?:;|$)/gi

/** Beginnings and ends of a transaction. Savepoints are for handlers. */
const endsTransaction = /(?:^|;)\s*(?:begin|commit|end|rollback(?!\s+(?:transaction\s+)?to\b))\b/i

/**
 * SQL of a handler, unless it begins or ends a transaction: what is committed without its checkpoint is counted again.
 *
 * @throws INVALID_ARGUMENT
 */
export function keepingTransaction(sql: string): string {
  if (typeof sql !== 'string') throw new InvalidArgument('sql', 'is not a string')
  if (endsTransaction.test(sql.replace(inert, ' '))) {
    throw new InvalidArgument('sql', 'begins or ends a transaction, which is for the target to do')
  }
  return sql
}
