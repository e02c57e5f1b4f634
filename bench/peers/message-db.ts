import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Pool } from 'pg'
import { payloadOf, typeOf } from '../load/events.ts'
import { type OpenPeer, openPool } from './peer.ts'

const write = 'select message_store.write_message($1, $2, $3, $4, null, $5)'
const get = 'select * from message_store.get_stream_messages($1, 0, -1)'

/** Message DB's SQL functions through a pool. It locks per category, so the ten categories of the load queue apart. */
export const openMessageDb: OpenPeer = async (url) => {
  const pool = openPool(withSearchPath(url))
  await install(pool)
  const append = (client: Pick<Pool, 'query'>, streamId: string, version: number, nth: number) =>
    client.query({
      name: 'write',
      text: write,
      values: [randomUUID(), streamId, typeOf(streamId, version), JSON.stringify(payloadOf(nth)), version - 1],
    })
  return {
    appendOne: (streamId, version, nth) => append(pool, streamId, version, nth),
    // There is no function for several: they share a transaction.
    appendMany: async (streamId, events, nth) => {
      const client = await pool.connect()
      await client.query('begin')
      for (let place = 0; place < events; place++) await append(client, streamId, place, nth + place)
      await client.query('commit')
      client.release()
    },
    readStream: async (streamId) => (await pool.query({ name: 'get', text: get, values: [streamId] })).rows.length,
    close: () => pool.end(),
  }
}

function withSearchPath(url: string): string {
  const found = new URL(url)
  found.searchParams.set('options', '-c search_path=message_store,public')
  return found.href
}

/** What the package's shell scripts run with psql, in their order. */
async function install(pool: Pool): Promise<void> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@eventide/message-db/package.json')), 'database')
  const exists = await pool.query("select from pg_namespace where nspname = 'message_store'")
  if (exists.rows.length > 0) return
  const first = ['message-store-version', 'hash-64', 'category', 'is-category', 'id', 'cardinal-id', 'acquire-lock']
  const functions = readdirSync(join(folder, 'functions')).map((name) => name.replace('.sql', ''))
  const files = [
    'schema/message-store.sql',
    'extensions/pgcrypto.sql',
    'tables/messages.sql',
    'types/message.sql',
    ...[...first, ...functions.filter((name) => !first.includes(name))].map((name) => `functions/${name}.sql`),
    ...readdirSync(join(folder, 'indexes')).map((name) => `indexes/${name}`),
  ]
  for (const file of files) {
    // An index made concurrently cannot be made in a transaction, and an empty table needs no such care.
    await pool.query(readFileSync(join(folder, file), 'utf8').replace(/concurrently/gi, ''))
  }
}
