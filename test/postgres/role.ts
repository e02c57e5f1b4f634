import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'

/** A role that may log in and nothing else, for one test. */
export interface FreshRole {
  readonly name: string
  /** The database, as this role. */
  readonly url: string
}

/** Makes a role without any rights, and removes it after the test. */
export async function freshRole(database: { readonly url: string }): Promise<FreshRole> {
  const name = `role_${randomBytes(6).toString('hex')}`
  await execute(database, `create role ${name} login password '${name}'`)
  onTestFinished(() => execute(database, `drop owned by ${name} cascade; drop role ${name}`))
  const url = new URL(database.url)
  url.username = name
  url.password = name
  return { name, url: url.href }
}

/** Runs one or several statements. */
export async function execute({ url }: { readonly url: string }, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** A connection for one test. */
export async function connected({ url }: { readonly url: string }): Promise<Client> {
  const client = new Client({ connectionString: url })
  // Dropping the database after the test ends it from the other side.
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}
