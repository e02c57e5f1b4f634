import { type Attribute, type Driver, fromDriver, type Item, type Key, keyToDriver, toDriver } from './driver.ts'
import { leftUndone } from './errors.ts'
import { inParallel, slices } from './parallel.ts'
import type { Calls } from './requests.ts'

/** Many items at once. DynamoDB may do a part of it and call that a success: what it left undone is asked for again. */
export interface Bulk {
  /** Those of the items that are there, in no order. */
  getMany(keys: readonly Key[]): Promise<readonly Item[]>
  /** Puts that are the same whoever makes them, in any order and any number of times. */
  putMany(items: readonly Item[]): Promise<void>
  removeMany(keys: readonly Key[]): Promise<void>
}

/** What many items are read and written with. */
export interface BulkParts {
  readonly driver: Driver
  readonly table: string
  readonly send: <Answer>(command: unknown) => Promise<Answer>
  readonly calls: Calls
}

/** What one request takes, by DynamoDB's rules. */
const writesPerRequest = 25
const readsPerRequest = 100

/** Requests in a row that leave something undone before it counts as an error; each is followed by a longer pause. */
const undoneTries = 30

type DriverItem = Record<string, never>

/** Many items of one table at once. */
export function createBulk({ driver, table, send, calls }: BulkParts): Bulk {
  /** Asks again for what was left undone. */
  async function until<One>(
    all: readonly One[],
    ask: (some: readonly One[]) => Promise<readonly One[]>,
  ): Promise<void> {
    let wanted = all
    for (let tries = 0; wanted.length > 0; tries++) {
      if (tries > 0) await calls.pause(tries)
      const undone = await ask(wanted)
      if (undone.length > 0 && tries === undoneTries) throw leftUndone(undone.length)
      wanted = undone
    }
  }

  async function getSome(keys: readonly Key[]): Promise<readonly Item[]> {
    const found: Item[] = []
    await until(keys.map(keyToDriver), async (some) => {
      const RequestItems = { [table]: { Keys: [...some], ConsistentRead: true } }
      const answer = await send<GotMany>(new driver.BatchGetItemCommand({ RequestItems }))
      found.push(...(answer.Responses?.[table] ?? []).map(fromDriver))
      return answer.UnprocessedKeys?.[table]?.Keys ?? []
    })
    return found
  }

  async function write(requests: readonly DriverItem[]): Promise<void> {
    await inParallel(slices(requests, writesPerRequest), (some) =>
      until(some, async (wanted) => {
        const command = new driver.BatchWriteItemCommand({ RequestItems: { [table]: [...wanted] } })
        return (await send<WroteMany>(command)).UnprocessedItems?.[table] ?? []
      }),
    )
  }

  return {
    getMany: async (keys) => (await inParallel(slices(keys, readsPerRequest), getSome)).flat(),
    putMany: (items) => write(items.map((item) => ({ PutRequest: { Item: toDriver(item) } }) as unknown as DriverItem)),
    removeMany: (keys) =>
      write(keys.map((key) => ({ DeleteRequest: { Key: keyToDriver(key) } }) as unknown as DriverItem)),
  }
}

interface GotMany {
  readonly Responses?: Readonly<Record<string, readonly Record<string, Attribute>[]>>
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys?: readonly DriverItem[] }>>
}

interface WroteMany {
  readonly UnprocessedItems?: Readonly<Record<string, readonly DriverItem[]>>
}
