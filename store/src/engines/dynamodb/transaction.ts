import type { DynamoDBClientLike } from './client.ts'
import {
  type Attribute,
  type Attributes,
  type Driver,
  fromDriver,
  type Item,
  type Key,
  keyToDriver,
  toDriver,
} from './driver.ts'
import { refusalsOf } from './errors.ts'
import { inParallel } from './parallel.ts'
import type { Calls } from './requests.ts'

/** A write that is carried out when the item is as it should be. */
export interface ConditionalWrite {
  readonly condition?: string
  readonly values?: Attributes
}

/** A part of a transaction: an item to put, or a key of which the condition has to hold. */
export interface TransactWrite {
  readonly write: Item | Key
  readonly condition: ConditionalWrite
}

/** Several conditional writes at once, all or none, at twice the price of each. */
export interface Transactions {
  /**
   * Gives what stood in the way of each write, and `undefined` when all of them were done. A transaction whose first answer
   * was lost meets itself.
   */
  putAll(writes: readonly TransactWrite[]): Promise<readonly (Item | undefined)[] | undefined>
}

/** What transactions are sent with. */
export interface TransactionParts {
  readonly driver: Driver
  readonly client: DynamoDBClientLike
  readonly table: string
  readonly calls: Calls
  readonly get: (key: Key) => Promise<Item | undefined>
}

/** Transactions on one table, repeated while they are throttled or meet another one. */
export function createTransactions({ driver, client, table: TableName, calls, get }: TransactionParts): Transactions {
  return {
    putAll: async (writes) => {
      const TransactItems = writes.map(({ write, condition }) =>
        'attributes' in write
          ? { Put: { TableName, Item: toDriver(write), ...checked(condition) } }
          : { ConditionCheck: { TableName, Key: keyToDriver(write), ...checked(condition) } },
      )
      const refusals = await calls.repeated(async () => {
        try {
          await client.send(new driver.TransactWriteItemsCommand({ TransactItems: TransactItems as never }) as never)
          return undefined
        } catch (error) {
          const found = refusalsOf(error)
          if (found === undefined) throw error
          return found
        }
      })
      if (refusals === undefined) return undefined
      return inParallel(refusals, async ({ isRefused, item }, index) => {
        if (!isRefused) return undefined
        // A server that does not say what was in the way is asked for it.
        if (item === undefined) return get((writes[index] as TransactWrite).write)
        return fromDriver(item as Record<string, Attribute>)
      })
    },
  }
}

/** A condition in the form of the driver. */
export function checked({ condition, values }: ConditionalWrite): object {
  return {
    ConditionExpression: condition,
    ...(values !== undefined && { ExpressionAttributeValues: values }),
    // What stood in the way is what another writer committed, and often all there is to learn.
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }
}
