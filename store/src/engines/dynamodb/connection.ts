import type { DynamoDBClientLike } from './client.ts'
import { createClient, type Driver, importDriver } from './driver.ts'
import type { ClientSource } from './place.ts'
import type { Calls } from './requests.ts'
import { createTable, type Table } from './table.ts'

/** A table, and what it is reached with. */
export interface Connected {
  readonly driver: Driver
  readonly client: DynamoDBClientLike
  readonly name: string
  readonly calls: Calls
  readonly table: Table
}

/** How a table is reached: the driver is loaded and a client is made when it is first needed. */
export interface Connection {
  open(): Promise<Connected>
  /** Ends a client of its own. */
  close(): Promise<void>
}

/** A connection that nothing has used yet. */
export function createConnection(name: string, source: ClientSource, calls: Calls): Connection {
  let opened: Promise<Connected> | undefined
  let destroy: () => void = () => undefined

  async function connect(): Promise<Connected> {
    const driver = await importDriver()
    if ('client' in source) return connected(driver, source.client)
    const client = createClient(driver, source)
    destroy = () => client.destroy()
    return connected(driver, client as unknown as DynamoDBClientLike)
  }

  function connected(driver: Driver, client: DynamoDBClientLike): Connected {
    return { driver, client, name, calls, table: createTable({ driver, client, table: name, calls }) }
  }

  return {
    open: () => {
      opened ??= connect()
      return opened
    },
    close: async () => {
      await opened?.catch(() => undefined)
      destroy()
    },
  }
}
