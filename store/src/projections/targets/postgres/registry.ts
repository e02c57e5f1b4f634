import { asText, type PostgresClient, type Row } from '../../../engines/postgres/driver.ts'
import { encodeName } from '../../../engines/postgres/names.ts'
import type { Generation } from '../../../model/target.ts'
import { isMissing, isPublished } from '../generation.ts'
import { checkpointTable } from './checkpoints.ts'
import { quoted } from './names.ts'
import { registryLock } from './prepare.ts'
import { cutViews, showViews } from './views.ts'

/*
 * What generations a target keeps, in a table of its schema. Each has a schema of its own named after its id, and ids are
 * never used again: whoever still writes to a dropped one finds no table. Every step is one transaction under one lock, DDL
 * included, so a crash leaves all of it or nothing.
 */

/** The steps on the generations of a target. All take the connection of a transaction. */
export interface Registry {
  /** The schema of a generation, made when it is not there. */
  open(client: PostgresClient, generation: Generation): Promise<string>
  /** The schema of a generation, undefined when it is not there. */
  find(client: PostgresClient, generation: Generation): Promise<string | undefined>
  published(client: PostgresClient, projection: string): Promise<number | undefined>
  publish(client: PostgresClient, generation: Generation): Promise<void>
  drop(client: PostgresClient, generation: Generation): Promise<void>
  /** Lets the tables of a schema be dropped and made anew by `remake`, whatever readers see of them. */
  remade<Result>(client: PostgresClient, schema: string, remake: () => Promise<Result>): Promise<Result>
}

/** The registry in one schema. */
export function createRegistry(schema: string): Registry {
  const sql = statementsFor(`${quoted(schema)}.varve_generations`)

  async function locked(client: PostgresClient): Promise<void> {
    await client.query({ text: `select ${registryLock(schema)}` })
  }

  async function kept(client: PostgresClient, { projection, generation }: Generation): Promise<Kept | undefined> {
    return keptBy(client, sql.find, [encodeName(projection), generation])
  }

  async function publish(client: PostgresClient, given: Generation): Promise<void> {
    await locked(client)
    const next = await kept(client, given)
    if (next === undefined) throw isMissing(given)
    const name = encodeName(given.projection)
    const own = (await keptBy(client, sql.shown, [name]))?.views ?? []
    const views = await showViews(client, { schema, from: next.schema, own })
    await client.query({ text: sql.hide, values: [name] })
    await client.query({ text: sql.show, values: [next.id, JSON.stringify(views)] })
  }

  async function remade<Result>(client: PostgresClient, from: string, remake: () => Promise<Result>): Promise<Result> {
    await locked(client)
    const shown = await keptBy(client, sql.shownFrom, [from])
    if (shown === undefined) return remake()
    await cutViews(client, { schema, own: shown.views })
    const result = await remake()
    const views = await showViews(client, { schema, from, own: shown.views })
    await client.query({ text: sql.show, values: [shown.id, JSON.stringify(views)] })
    return result
  }

  return {
    open: async (client, given) => {
      await locked(client)
      return ((await kept(client, given)) ?? (await made(client, sql.insert, given))).schema
    },
    find: async (client, given) => (await kept(client, given))?.schema,
    published: async (client, projection) => (await keptBy(client, sql.shown, [encodeName(projection)]))?.generation,
    publish,
    drop: async (client, given) => {
      await locked(client)
      const gone = await kept(client, given)
      if (gone === undefined) return
      if (gone.isPublished) throw isPublished(given)
      await client.query({ text: sql.forget, values: [gone.id] })
      await client.query({ text: `drop schema ${quoted(gone.schema)} cascade` })
    },
    remade,
  }
}

interface Kept {
  readonly id: string
  readonly generation: number
  readonly schema: string
  readonly isPublished: boolean
  /** Views that show it to readers. */
  readonly views: readonly string[]
}

type Statements = Readonly<Record<'find' | 'shown' | 'shownFrom' | 'insert' | 'hide' | 'show' | 'forget', string>>

function statementsFor(table: string): Statements {
  const columns = 'id, generation, schema, published, views'
  return {
    find: `select ${columns} from ${table} where projection = $1 and generation = $2`,
    shown: `select ${columns} from ${table} where projection = $1 and published`,
    shownFrom: `select ${columns} from ${table} where schema = $1 and published`,
    insert: `insert into ${table} (projection, generation) values ($1, $2) returning ${columns}`,
    hide: `update ${table} set published = false, views = '[]' where projection = $1 and published`,
    show: `update ${table} set published = true, views = $2 where id = $1`,
    forget: `delete from ${table} where id = $1`,
  }
}

async function made(client: PostgresClient, insert: string, { projection, generation }: Generation): Promise<Kept> {
  const kept = (await keptBy(client, insert, [encodeName(projection), generation])) as Kept
  const name = quoted(kept.schema)
  await client.query({ text: `create schema ${name}; ${checkpointTable(name)}` })
  return kept
}

async function keptBy(client: PostgresClient, text: string, values: unknown[]): Promise<Kept | undefined> {
  const { rows } = await client.query({ text, values, rowMode: 'array', types: asText })
  const row = rows[0] as Row | undefined
  if (row === undefined) return undefined
  const [id = '', generation, schema = '', isPublished, views = '[]'] = row.map(String)
  return { id, generation: Number(generation), schema, isPublished: isPublished === 't', views: JSON.parse(views) }
}
