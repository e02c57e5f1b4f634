import { encodeName } from '../../../engines/postgres/names.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import type { RecordedEvent } from '../../../model/event.ts'
import { ProjectionFailed } from '../../../model/event-errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../../model/known-fields.ts'
import type { Generations, Target, TargetChange } from '../../../model/target.ts'
import { BatchRefused } from '../../apply.ts'
import {
  type CollectionTable,
  checkedId,
  collectionTable,
  type DocumentRow,
  documentsFrom,
} from './collection-table.ts'
import { createWriter } from './document-writer.ts'
import type { Documents, StoredDocument } from './documents.ts'
import { isGone, isOfContents, translated } from './errors.ts'
import { type FieldOf, statementFor } from './question.ts'
import type { PostgresReadModel } from './read-model.ts'

const optionFields = fieldsOf<DocumentTargetOptions<object>>({ keys: true, indexes: true, indexContents: true })

/** Options of {@link documentTarget}. */
export interface DocumentTargetOptions<Document> {
  /**
   * Ids of the documents that the handler of an event will `get`. All of a batch are then loaded in one statement; without it
   * each `get` of a document that the batch has not seen yet is one.
   */
  readonly keys?: ((event: RecordedEvent) => readonly string[]) | undefined
  /** Fields that queries look up or order by. Made when the collection is built anew. */
  readonly indexes?: readonly FieldOf<Document>[] | undefined
  /** True for an index for `contains`, which costs about as much as the documents. Default false. */
  readonly indexContents?: boolean | undefined
}

/**
 * A collection of JSON documents in a PostgreSQL target, for projections that need no SQL of their own: a table
 * `(id text primary key, document jsonb, position bigint)`, read by handlers through the batch they are in and written in
 * one statement for each. It empties itself, and has the generations of the target. Closing it leaves the target open; any
 * number of collections may share one.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const target = postgresTarget({ url: 'postgres://localhost/shop', schema: 'shop_views' })
 * const orders = defineProjection({
 *   name: 'orders',
 *   events: defineEvents({ OrderPlaced: event<{ order: string; cents: number }>(), OrderPaid: event<{ order: string }>() }),
 *   target: documentTarget<{ cents: number; isPaid: boolean }>(target, 'orders', { indexes: ['isPaid'] }),
 *   on: {
 *     OrderPlaced: (orders, { data }) => orders.put(data.order, { cents: data.cents, isPaid: false }),
 *     OrderPaid: async (orders, { data }) => {
 *       const order = await orders.get(data.order)
 *       if (order) orders.put(data.order, { ...order, isPaid: true })
 *     },
 *   },
 * })
 */
export function documentTarget<Document extends object>(
  target: Target<PostgresReadModel>,
  collection: string,
  options: DocumentTargetOptions<Document> = {},
): Target<Documents<Document>> {
  refuseUnknownOptions(options, optionFields, 'documentTarget')
  const { keys, indexes = [], indexContents = false } = options
  if (typeof target?.readModel?.query !== 'function') throw new InvalidArgument('target', 'is no postgresTarget(…)')
  if (keys !== undefined && typeof keys !== 'function') throw new InvalidArgument('keys', 'is not a function')
  const table = collectionTable(collection, { fields: indexes, contents: indexContents })
  return collectionIn(target, { table, keys })
}

type Keys<Document> = DocumentTargetOptions<Document>['keys']

/** What a collection in a generation is part of. */
interface Around {
  /** Throws once it is closed. */
  readonly check: () => void
  /** Gives back what belongs to the generation. */
  readonly release: () => Promise<void>
}

function collectionIn<Document extends object>(
  target: Target<PostgresReadModel>,
  { table, keys }: { readonly table: CollectionTable; readonly keys: Keys<Document> },
  around: Around = { check: () => undefined, release: async () => undefined },
): Target<Documents<Document>> {
  const { generations } = target
  const underWay = new Set<Promise<unknown>>()
  let closed = false
  const check = (): void => {
    around.check()
    if (closed) throw new StoreClosed('The target')
  }

  async function write(change: TargetChange<Documents<Document>>): Promise<void> {
    const { projection, apply: handle, empty, events = [], next } = change
    const apply = async (db: PostgresReadModel): Promise<void> => {
      if (empty) await db.query(table.make)
      const writer = createWriter<Document>(db, table, next.position)
      if (keys !== undefined) await writer.load(events.flatMap((event) => keysOf(projection, keys, event)))
      await handle(writer.documents)
      await writer.finish().catch((error: unknown) => {
        throw isOfContents(error) ? refusalOf(projection, events, error) : error
      })
    }
    await target.write({ ...change, apply })
  }

  const close = async (): Promise<void> => {
    closed = true
    await Promise.allSettled(underWay)
    await around.release()
  }
  return {
    readModel: readingDocuments(target, table, check),
    emptiesItself: true,
    ...(generations && { generations: generationsIn(generations, { table, keys }, check) }),
    checkpoint: async (name) => {
      check()
      return target.checkpoint(name)
    },
    write: async (change) => {
      check()
      const writing = write(change)
      underWay.add(writing)
      await writing.finally(() => underWay.delete(writing))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function generationsIn<Document extends object>(
  generations: Generations<PostgresReadModel>,
  parts: { readonly table: CollectionTable; readonly keys: Keys<Document> },
  check: () => void,
): Generations<Documents<Document>> {
  return {
    open: async (given) => {
      check()
      const build = await generations.open(given)
      return collectionIn(build, parts, { check, release: build.close })
    },
    published: async (projection) => {
      check()
      return generations.published(projection)
    },
    publish: async (given) => {
      check()
      await generations.publish(given)
    },
    drop: async (given) => {
      check()
      await generations.drop(given)
    },
    entries: async function* (given) {
      check()
      yield* generations.entries(given)
    },
  }
}

function readingDocuments<Document>(
  { readModel }: Target<PostgresReadModel>,
  { table }: CollectionTable,
  check: () => void,
): Documents<Document> {
  async function rows(sql: string, values: readonly unknown[]): Promise<readonly StoredDocument<Document>[]> {
    check()
    try {
      const found = await readModel.query<DocumentRow>(sql, values)
      return documentsFrom(found.rows)
    } catch (error) {
      // The projection has not begun yet.
      if (isGone(error)) return []
      throw translated(error)
    }
  }

  const refuse = (): never => {
    throw new InvalidArgument(
      'documents',
      'are those of readers: documents are changed by the handlers of a projection',
    )
  }
  return {
    get: async (id) => {
      const sql = `select id, document::text as document, position::text as position from ${table} where id = $1`
      return (await rows(sql, [encodeName(checkedId(id))]))[0]?.document
    },
    put: refuse,
    delete: refuse,
    query: async (question = {}) => {
      const { sql, values } = statementFor(table, question)
      return rows(sql, values)
    },
  }
}

/** Documents are written together, so whose it is that is refused shows when the batch is divided. */
function refusalOf(projection: string, events: readonly RecordedEvent[], cause: unknown): Error {
  const [only, ...others] = events
  if (only === undefined || others.length > 0) return new BatchRefused('documents of a batch were refused', { cause })
  return new ProjectionFailed(projection, only, { cause })
}

function keysOf(
  projection: string,
  keys: (event: RecordedEvent) => readonly string[],
  event: RecordedEvent,
): readonly string[] {
  try {
    return keys(event)
  } catch (cause) {
    throw new ProjectionFailed(projection, event, { cause })
  }
}
