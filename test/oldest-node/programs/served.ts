// Run by the oldest Node: a server and commands on the same Node, and an official client of KurrentDB.

import { deepEqual, equal } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { jsonEvent, KurrentDBClient } from '@kurrent/kurrentdb-client'

const command = fileURLToPath(new URL('dist/cli/varve.js', import.meta.resolve('varve-server/package.json')))
const varve = ['--no-warnings', command]
const serve = [...varve, 'serve', '--store', 'sqlite:shop.db', '--port', '0', '--json', '--log-level', 'warn']
const server = spawn(process.execPath, serve, { stdio: ['ignore', 'pipe', 'inherit'] })
process.once('exit', () => server.kill('SIGKILL'))
const [line] = await once(server.stdout, 'data')
const { url } = JSON.parse(String(line)) as { url: string }

execFileSync(process.execPath, [...varve, 'append', 'Order-1', 'OrderPlaced', '{"total":12}', '--store', url])
const client = KurrentDBClient.connectionString`kurrentdb://${new URL(url).host}?tls=false`
await client.appendToStream('Order-1', jsonEvent({ type: 'OrderPaid', data: { total: 12 } }), { streamState: 0n })
const types: (string | undefined)[] = []
for await (const { event } of client.readStream('Order-1')) types.push(event?.type)
deepEqual(types, ['OrderPlaced', 'OrderPaid'])
await client.dispose()

server.kill('SIGTERM')
const [code] = await once(server, 'exit')
equal(code, 0)
