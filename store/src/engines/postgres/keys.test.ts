import { expect, it, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { execute, freshRole } from '../../../../test/postgres/role.ts'
import { keyStoreConformance } from '../../conformance/index.ts'
import { postgresKeys } from './index.ts'

const ref = 'a'.repeat(32)

onPostgres(({ cluster }) => {
  keyStoreConformance({
    test,
    open: async () => {
      const { url, drop } = await freshDatabase(await cluster())
      return { keys: postgresKeys({ url }), openBeside: () => postgresKeys({ url }), cleanUp: drop }
    },
  })

  it('makes its tables once, whoever starts first, and none when told not to', async () => {
    await using database = await freshDatabase(await cluster())
    await using refusing = postgresKeys({ url: database.url, migrate: 'refuse' })
    await expect(refusing.load(ref)).rejects.toMatchObject({ code: 'KEY_STORE_FAILED' })
    const several = Array.from({ length: 4 }, () => postgresKeys({ url: database.url, schema: 'own keys' }))
    const results = await Promise.all(several.map((keys) => keys.add(ref, 1, new Uint8Array(32))))
    await Promise.all(several.map((keys) => keys.close()))
    expect(results.filter((result) => result === 'added')).toHaveLength(1)
    await expect(several[0]?.load(ref)).rejects.toMatchObject({ code: 'KEY_STORE_FAILED', message: /closed/ })
  })

  it('needs no more than to read and write its two tables', async () => {
    const database = await freshDatabase(await cluster())
    onTestFinished(database.drop)
    await using owner = postgresKeys({ url: database.url })
    await owner.add(ref, 1, new Uint8Array(32))
    const role = await freshRole(database)
    await execute(
      database,
      `grant usage on schema varve_keys to "${role.name}";
       grant select, insert, update, delete on varve_keys.subjects, varve_keys.keys to "${role.name}"`,
    )
    await using keys = postgresKeys({ url: role.url })
    expect(await keys.add(ref, 2, new Uint8Array(32))).toBe('added')
    await keys.destroy(ref)
    expect(await owner.load(ref)).toBe('forgotten')
  })
})
