import { deepEqual, doesNotMatch, equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { ada, customerEvents, registered } from '../../../test/erasure/customers.ts'
import { freshDatabase } from '../../../test/postgres/database.ts'
import { onPostgres } from '../../../test/postgres/on-postgres.ts'
import { openShop } from '../../../test/postgres/shop.ts'
import { postgresKeys } from '../engines/postgres/index.ts'
import { subjectRef } from './subject.ts'
import { withPersonalData } from './with-personal-data.ts'

onPostgres(({ cluster }) => {
  it('seals what is appended inside of a transaction of the caller, and a refusal leaves that usable', async () => {
    await using database = await freshDatabase(await cluster())
    await using shop = await openShop(database)
    await using keys = postgresKeys({ url: database.url })
    await keys.destroy(subjectRef('c-9'))
    const store = withPersonalData(shop.store, { events: customerEvents, keys })
    await shop.transaction(async (client) => {
      const appends = store.withTransaction(client)
      const forgotten = appends.append('Customer-9', [registered({ ...ada, customerId: 'c-9' })])
      await rejects(forgotten, { code: 'SUBJECT_FORGOTTEN' })
      const { version } = await appends.append('Customer-1', [registered(ada)])
      equal(version, 1)
    })
    const stored = await shop.store.readAll().toArray()
    doesNotMatch(stored.map(({ rawData }) => String(rawData)).join(), /Lovelace/)
    deepEqual(
      (await store.readAll().toArray()).map(({ data }) => data),
      [ada],
    )
  })
})
