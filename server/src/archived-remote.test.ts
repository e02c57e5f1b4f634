import { connect } from 'varve/remote'
import { describe, expect, it, onTestFinished } from 'vitest'
import { archivedStore, archivedTo30 } from '../../test/postgres/archived-store.ts'
import { onPostgres } from '../../test/postgres/on-postgres.ts'
import { serverConfig } from './config.ts'
import { startServer } from './server.ts'

onPostgres(({ cluster }) => {
  describe('a server over a store with an archive', () => {
    it('refuses what needs it in the words of the engine, by every way to read', async () => {
      const { database } = await archivedStore(cluster, 31)
      const server = await startServer(serverConfig({ store: database.url, port: 0, logLevel: 'silent' }))
      onTestFinished(() => server.close())
      await using store = await connect({ url: server.url })
      expect((await fetch(`${server.url}/streams/Order-1/events`)).status).toBe(410)
      await expect(store.readAll().toArray()).rejects.toMatchObject(archivedTo30)
      await expect(store.readStream('Order-1').toArray()).rejects.toMatchObject(archivedTo30)
      await expect(store.subscribe()[Symbol.asyncIterator]().next()).rejects.toMatchObject(archivedTo30)
      const condition = { failIfMatch: { types: ['Early'] }, after: 0 }
      await expect(store.append('A-1', [{ type: 'A', data: {} }], { condition })).rejects.toMatchObject(archivedTo30)
      expect(await store.readAll({ from: 31 }).toArray()).toHaveLength(70)
    })
  })
})
