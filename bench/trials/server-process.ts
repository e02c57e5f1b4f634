import { serverConfig } from '../../server/src/config.ts'
import { startServer } from '../../server/src/server.ts'

/** A server in a process of its own: says where it is, and what CPU time it has used when it is asked. */
const [store = ''] = process.argv.slice(2)
const server = await startServer(serverConfig({ store, port: 0, logLevel: 'silent' }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuUs: user + system })
})
process.once('disconnect', () => {
  void server.close()
})
process.send?.({ host: new URL(server.url).host })
