import { equal, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { keepingTransaction } from './own-transaction.ts'

describe('the transaction of a write', () => {
  it.each([
    'commit',
    ' END;',
    'begin immediate',
    'rollback',
    'rollback transaction',
    '/* now */ commit',
    "insert into notes values ('a'); commit; begin",
    'insert into notes values (1); -- that is it\ncommit',
  ])('is not ended by a handler: %s', (sql) => {
    throws(() => keepingTransaction(sql), { code: 'INVALID_ARGUMENT', argument: 'sql' })
  })

  it.each([
    "insert into notes values ('a; commit')",
    'savepoint one; rollback to one; rollback transaction to savepoint one; release one',
    'create trigger counts after insert on notes begin update totals set n = n + 1; end; drop table if exists endings',
    'select begin_at, "end" from spans -- commit',
    'select case when n > 1 then 2 end from notes',
  ])('has room for %s', (sql) => {
    equal(keepingTransaction(sql), sql)
  })
})
