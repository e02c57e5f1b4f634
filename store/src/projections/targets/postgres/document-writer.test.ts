import { deepEqual, rejects, throws } from 'node:assert/strict'
import { it } from 'vitest'
import { collectionTable } from './collection-table.ts'
import { createWriter } from './document-writer.ts'
import type { PostgresReadModel } from './read-model.ts'

const table = collectionTable('orders', { fields: [], contents: false })

it('a handler that goes on after its write is refused: what it puts then would be lost without a word', async () => {
  const sent: string[] = []
  const db: PostgresReadModel = {
    query: async (sql) => {
      sent.push(sql.trim().slice(0, 6))
      return { rows: [], rowCount: 0 }
    },
  }
  const { documents, finish } = createWriter<{ readonly cents: number }>(db, table, 7)
  documents.put('a', { cents: 1 })
  await finish()
  const late = { code: 'TARGET_FAILED', message: /Await what it begins/ }
  throws(() => documents.put('b', { cents: 2 }), late)
  throws(() => documents.delete('a'), late)
  await rejects(documents.get('a'), late)
  await rejects(documents.query(), late)
  deepEqual(sent, ['insert'])
})
