import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/** An empty place of its own for one test. */
export interface FreshPlace {
  /** Connects to it: to the database, or with the schema as the only one on the search path. */
  readonly url: string
  readonly name: string
  /** Removes it with all that is in it, whoever is connected. Dropping twice is fine. */
  drop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Makes an empty database in a cluster; for what concerns a whole database, and where two tests may not see each other. */
export async function freshDatabase(
  cluster: { readonly url: string },
  /** What follows the name in `create database`, such as another collation. */
  definition = '',
): Promise<FreshPlace> {
  const name = freshName()
  await execute(cluster.url, `create database ${name} ${definition}`)
  const url = new URL(cluster.url)
  url.pathname = `/${name}`
  return place(name, url, () => execute(cluster.url, `drop database if exists ${name} with (force)`))
}

/** Makes an empty schema in the database of a URL, which is quicker than a database. */
export async function freshSchema(database: { readonly url: string }): Promise<FreshPlace> {
  const name = freshName()
  await execute(database.url, `create schema ${name}`)
  const url = new URL(database.url)
  url.searchParams.set('options', `-c search_path=${name}`)
  return place(name, url, () => execute(database.url, `drop schema if exists ${name} cascade`))
}

/** The first column of the first row. */
export async function first(database: { readonly url: string }, query: string): Promise<unknown> {
  const [row = []] = await execute(database.url, query)
  return row[0]
}

function freshName(): string {
  return `test_${randomBytes(6).toString('hex')}`
}

function place(name: string, url: URL, remove: () => Promise<unknown>): FreshPlace {
  const drop = async (): Promise<void> => {
    await remove()
  }
  return { name, url: url.href, drop, [Symbol.asyncDispose]: drop }
}

async function execute(url: string, statement: string): Promise<readonly unknown[][]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' })
    return rows
  } finally {
    await client.end()
  }
}
