import { readdirSync } from 'node:fs'
import { serverConfig } from '../../server/src/config.ts'
import { startServer } from '../../server/src/server.ts'

/** What a server holds, right after a collection of garbage. */
export interface Held {
  readonly heapBytes: number
  readonly openFiles: number
}

/** A server in a process of its own, started with --expose-gc: says where it is, and what it holds whenever it is asked. */
const [store = ''] = process.argv.slice(2)
const server = await startServer(serverConfig({ store, port: 0, logLevel: 'silent' }))
process.on('message', () => {
  gc?.()
  const held: Held = { heapBytes: process.memoryUsage().heapUsed, openFiles: readdirSync('/proc/self/fd').length }
  process.send?.(held)
})
process.once('disconnect', () => void server.close())
process.send?.(new URL(server.url).host)
