import type { Clock } from '../../../engine/clock.ts'
import type { Send } from './client.ts'
import { type Connection, openConnection } from './driver.ts'
import { isOfReplica } from './errors.ts'

/**
 * A connection that is opened by the first command, and another one by the command that finds that it is of no use any more:
 * one that could not be opened, whose server does not answer, or whose server has become a replica, which it would go on being
 * for as long as it is asked. The URL may lead elsewhere by then.
 */
export function connectionKept(
  url: string,
  clock: Clock,
): { readonly send: Send; readonly close: () => Promise<void> } {
  let opening: Promise<Connection> | undefined

  async function connected(): Promise<Connection> {
    opening ??= openConnection(url, clock)
    const used = opening
    try {
      const connection = await used
      if (!connection.isSilent()) return connection
      leave(used, connection)
    } catch (error) {
      if (opening === used) opening = undefined
      throw error
    }
    return connected()
  }

  function leave(used: Promise<Connection> | undefined, connection: Connection): void {
    if (opening === used) opening = undefined
    connection.close().catch(() => undefined)
  }

  return {
    send: async (key, args) => {
      const connection = await connected()
      const used = opening
      try {
        return await connection.send(key, args)
      } catch (error) {
        if (isOfReplica(error)) leave(used, connection)
        throw error
      }
    },
    close: async () => {
      const connection = await opening?.catch(() => undefined)
      await connection?.close()
    },
  }
}
