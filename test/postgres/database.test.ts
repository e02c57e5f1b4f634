import { expect, it } from 'vitest'
import { first, freshDatabase, freshSchema } from './database.ts'
import { onPostgres } from './on-postgres.ts'

onPostgres(({ cluster: shared }) => {
  it('gives a test a database of its own', async () => {
    const cluster = await shared()
    const database = await freshDatabase(cluster)
    expect(await first(database, 'select current_database()')).toBe(database.name)
    await database.drop()
    expect(await first(cluster, `select count(*) from pg_database where datname = '${database.name}'`)).toBe('0')
  })

  it('gives a test a schema of its own, where everything goes that names none', async () => {
    const cluster = await shared()
    const schema = await freshSchema(cluster)
    await first(schema, 'create table entry (id int)')
    expect(await first(schema, "select schemaname from pg_tables where tablename = 'entry'")).toBe(schema.name)
    await schema.drop()
    expect(await first(cluster, `select count(*) from pg_namespace where nspname = '${schema.name}'`)).toBe('0')
  })
})
