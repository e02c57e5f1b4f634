import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { DynamoDBClientLike } from '../../store/src/engines/dynamodb/index.ts'

/** What becomes of a request on its way: nothing special, or a misfortune. */
export type Fate =
  | 'passes'
  | 'is throttled'
  | 'meets a transaction'
  /** The server says that it has failed, and has done nothing. */
  | 'fails'
  /** It never arrives. */
  | 'is lost'
  /** It takes effect, and nobody hears of it. */
  | 'loses its answer'
  /** As much as DynamoDB may leave undone without an error: short pages, keys and items that are given back. */
  | 'is done in part'

/** A request, as a fate is chosen by it. */
export interface Asked {
  /** As in `PutItem`. */
  readonly verb: string
  readonly input: Record<string, unknown>
}

/** A client with a road to its server that may be bad. */
export interface BadRoad {
  readonly client: DynamoDBClientLike
  /** What was asked, in order. */
  readonly asked: Asked[]
  /** Chooses what becomes of each request from now on. */
  fate: (asked: Asked) => Fate
  /**
   * Chooses of an item that was put while a Query was under way, whether the Query shows it: it may, and need not, and
   * may show another one that was put later.
   */
  shows: (item: StoredItem) => boolean
}

/** An item in the form of the driver. */
export type StoredItem = Readonly<Record<string, { readonly S?: string }>>

/** An error as the driver throws it. */
export function driverError(name: string, status: number, message = 'by the test'): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, attempts: 1 } })
}

/** A transaction is told of another one by its reasons. */
function metTransaction({ verb, input }: Asked): Error {
  if (verb !== 'TransactWriteItems') return driverError('TransactionConflictException', 400)
  const writes = input.TransactItems as readonly unknown[]
  const CancellationReasons = writes.map((_, index) => ({ Code: index === 0 ? 'TransactionConflict' : 'None' }))
  return Object.assign(driverError('TransactionCanceledException', 400), { CancellationReasons })
}

/** A road to a server. All roads to one server share the keys that somebody knows to be there: written, or seen. */
export function badRoad(client: DynamoDBClient, known: Set<string> = new Set()): BadRoad {
  const road: BadRoad = {
    asked: [],
    fate: () => 'passes',
    shows: () => true,
    client: {
      send: async (command: never) => {
        const { input, constructor: maker } = command as unknown as {
          readonly input: Record<string, unknown>
          readonly constructor: { readonly name: string }
        }
        const asked = { verb: maker.name.replace('Command', ''), input }
        road.asked.push(asked)
        return travel(road.fate(asked), asked, command)
      },
    },
  }
  return road

  async function travel(fate: Fate, asked: Asked, command: never): Promise<unknown> {
    if (fate === 'is throttled') throw driverError('ProvisionedThroughputExceededException', 400)
    if (fate === 'meets a transaction') throw metTransaction(asked)
    if (fate === 'fails') throw driverError('InternalServerError', 500)
    if (fate === 'is lost') throw Object.assign(new Error('by the test'), { code: 'ECONNRESET' })
    const answer = fate === 'is done in part' ? await inPart(asked, command) : await whole(asked, command)
    if (fate === 'loses its answer') throw driverError('TimeoutError', 0)
    return answer
  }

  async function whole({ verb, input }: Asked, command: never): Promise<unknown> {
    const before = new Set(known)
    const answer = (await client.send(command)) as { Item?: StoredItem; Items?: readonly StoredItem[] }
    for (const item of putBy(verb, input)) known.add(keyOf(item))
    if (answer.Item !== undefined) known.add(keyOf({ ...answer.Item, ...(input.Key as StoredItem) }))
    if (verb !== 'Query' || answer.Items === undefined) return answer
    // What anybody knew to be there when the Query began is in it, whatever happens.
    const Items = answer.Items.filter((item) => before.has(keyOf(item)) || road.shows(item))
    for (const item of Items) known.add(keyOf(item))
    return { ...answer, Items }
  }

  /** The command with less in it, and the rest given back. */
  async function inPart(asked: Asked, command: never): Promise<unknown> {
    const { verb, input } = asked
    if (verb === 'Query') {
      input.Limit = 1
      return whole(asked, command)
    }
    if (verb !== 'BatchWriteItem' && verb !== 'BatchGetItem') return whole(asked, command)
    const [[table = '', all] = []] = Object.entries(input.RequestItems as Record<string, unknown>)
    const one = (list: readonly unknown[]) => [list.slice(0, 1), list.slice(1)] as const
    if (verb === 'BatchWriteItem') {
      const [some, rest] = one(all as readonly unknown[])
      input.RequestItems = { [table]: some }
      return {
        ...((await whole(asked, command)) as object),
        UnprocessedItems: rest.length > 0 ? { [table]: rest } : {},
      }
    }
    const { Keys, ...options } = all as { readonly Keys: readonly unknown[] }
    const [some, rest] = one(Keys)
    input.RequestItems = { [table]: { ...options, Keys: some } }
    const UnprocessedKeys = rest.length > 0 ? { [table]: { ...options, Keys: rest } } : {}
    return { ...((await whole(asked, command)) as object), UnprocessedKeys }
  }
}

function keyOf({ pk, sk }: StoredItem): string {
  return `${pk?.S} ${sk?.S}`
}

/** The items that a request puts. */
function putBy(verb: string, input: Record<string, unknown>): readonly StoredItem[] {
  if (verb === 'PutItem') return [input.Item as StoredItem]
  if (verb === 'TransactWriteItems') {
    const writes = input.TransactItems as readonly { readonly Put?: { readonly Item: StoredItem } }[]
    return writes.flatMap(({ Put }) => (Put === undefined ? [] : [Put.Item]))
  }
  if (verb !== 'BatchWriteItem') return []
  const writes = Object.values(input.RequestItems as Record<string, readonly { PutRequest?: { Item: StoredItem } }[]>)
  return writes.flat().flatMap(({ PutRequest }) => (PutRequest === undefined ? [] : [PutRequest.Item]))
}
