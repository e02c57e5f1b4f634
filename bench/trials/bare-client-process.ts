import { once } from 'node:events'
import { connectBare } from '../load/bare-client.ts'
import type { ServerSettings } from './server-trials.ts'

/** Appends made ahead for each millisecond, of all clients together: more than any server here has taken. */
const messagesPerMs = 40

/** One of several clients that do as little as a client can: warms up, waits for the others, measures. */
const [host = '', order = ''] = process.argv.slice(2)
const { run = 'b', clients, appenders, warmUpMs, windowMs } = JSON.parse(order) as ServerSettings
await using client = connectBare(host)
const appends = (name: string, forMs: number) =>
  client.appends({ run: name, appenders, forMs, messages: Math.ceil((forMs * messagesPerMs) / clients) })
await appends(`${run}w`, warmUpMs)
process.send?.('warm')
await once(process, 'message')
process.send?.(await appends(run, windowMs))
process.disconnect()
