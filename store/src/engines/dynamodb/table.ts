import { type Bulk, createBulk } from './bulk.ts'
import type { DynamoDBClientLike } from './client.ts'
import { type Attribute, type Driver, fromDriver, type Item, type Key, keyToDriver, toDriver } from './driver.ts'
import { isRefusal, itemInTheWay, wasRepeated } from './errors.ts'
import { compareNames } from './keys.ts'
import type { Calls } from './requests.ts'
import { type ConditionalWrite, checked, createTransactions, type Transactions } from './transaction.ts'

/** Items of one partition between two sort keys, both included. */
export interface Range {
  readonly pk: string
  readonly from: string
  readonly to: string
  readonly direction: 'forward' | 'backward'
  /** Items that one request reads at the most; undefined: as many as fit, a megabyte. */
  readonly pageItems?: number
}

/** What became of a conditional write. */
export type Written =
  | { readonly done: true; readonly replaced: Item | undefined }
  /** Refused by the item that was there, if one was. A write whose first answer was lost meets itself, or who came later. */
  | { readonly done: false; readonly met: Item | undefined; readonly mayHaveLanded: boolean }

/**
 * The verbs of DynamoDB that the engine uses, each repeated while it is throttled. Every read is strongly consistent: it sees
 * each write that was acknowledged before it began.
 */
export interface Table extends Bulk, Transactions {
  get(key: Key): Promise<Item | undefined>
  /** Pages of a range, until there is no more; the caller stops when it has enough. */
  query(range: Range): AsyncGenerator<readonly Item[]>
  put(item: Item, condition: ConditionalWrite): Promise<Written>
  remove(key: Key, condition: ConditionalWrite): Promise<Written>
}

/** What one table is reached with. */
export interface TableParts {
  readonly driver: Driver
  readonly client: DynamoDBClientLike
  readonly table: string
  readonly calls: Calls
}

/** The condition that no item is there. */
export const absent: ConditionalWrite = { condition: 'attribute_not_exists(pk)' }

/** The verbs on one table. */
export function createTable({ driver, client, table: TableName, calls }: TableParts): Table {
  function send<Answer>(command: unknown): Promise<Answer> {
    return calls.repeated(() => client.send(command as never) as Promise<Answer>)
  }

  async function* query({ pk, from, to, direction, pageItems }: Range): AsyncGenerator<readonly Item[]> {
    // DynamoDB calls that an error.
    if (compareNames(from, to) > 0) return
    let start: Record<string, never> | undefined
    do {
      const answer = await send<Queried>(
        new driver.QueryCommand({
          TableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :pk and sk between :from and :to',
          ExpressionAttributeValues: { ':pk': { S: pk }, ':from': { S: from }, ':to': { S: to } },
          ScanIndexForward: direction === 'forward',
          ...(pageItems !== undefined && { Limit: pageItems }),
          ...(start !== undefined && { ExclusiveStartKey: start }),
        }),
      )
      yield (answer.Items ?? []).map(fromDriver)
      start = answer.LastEvaluatedKey
    } while (start !== undefined)
  }

  async function get(key: Key): Promise<Item | undefined> {
    const command = new driver.GetItemCommand({ TableName, Key: keyToDriver(key), ConsistentRead: true })
    const { Item: found } = await send<{ readonly Item?: Record<string, Attribute> }>(command)
    return found && fromDriver(found)
  }

  async function write(command: unknown, key: Key): Promise<Written> {
    const written = await calls.repeated(async (tries): Promise<Written> => {
      try {
        const { Attributes: old } = (await client.send(command as never)) as { Attributes?: Record<string, Attribute> }
        return { done: true, replaced: old && fromDriver(old) }
      } catch (error) {
        if (!isRefusal(error)) throw error
        const met = itemInTheWay(error) as Record<string, Attribute> | undefined
        return { done: false, met: met && fromDriver(met), mayHaveLanded: tries > 0 || wasRepeated(error) }
      }
    })
    // A server that does not say what was in the way is asked for it; nothing may be concluded from its silence.
    return written.done || written.met !== undefined ? written : { ...written, met: await get(key) }
  }

  return {
    get,
    query,
    ...createTransactions({ driver, client, table: TableName, calls, get }),
    put: (item, condition) =>
      write(new driver.PutItemCommand({ TableName, Item: toDriver(item), ...conditional(condition) }), item),
    remove: (key, condition) =>
      write(new driver.DeleteItemCommand({ TableName, Key: keyToDriver(key), ...conditional(condition) }), key),
    ...createBulk({ driver, table: TableName, send, calls }),
  }
}

interface Queried {
  readonly Items?: readonly Record<string, Attribute>[]
  readonly LastEvaluatedKey?: Record<string, never>
}

function conditional(condition: ConditionalWrite): object {
  // What was there before may have left something elsewhere.
  return { ReturnValues: 'ALL_OLD', ...(condition.condition !== undefined && checked(condition)) }
}
