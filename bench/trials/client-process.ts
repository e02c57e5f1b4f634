import { once } from 'node:events'
import { appendsByClient, type ClientSettings, connect } from './server-trials.ts'

/** One of several clients of a server, each in a process of its own: warms up, waits for the others, measures. */
const [host = '', order = ''] = process.argv.slice(2)
const settings = JSON.parse(order) as ClientSettings
await using client = connect(host)
await appendsByClient(client, { ...settings, run: `${settings.run}w` })
process.send?.('warm')
await once(process, 'message')
process.send?.(await appendsByClient(client, { ...settings, warmUpMs: 0 }))
process.disconnect()
