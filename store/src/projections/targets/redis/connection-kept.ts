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

  async function connected(): Promise<{ readonly connection: Connection; readonly leave: () => void }> {
    opening ??= openConnection(url, clock)
    const used = opening
    // Others may have left it first, and opened another one.
    const forget = (): void => {
      if (opening === used) opening = undefined
    }
    try {
      const connection = await used
      const leave = (): void => {
        forget()
        connection.close().catch(() => undefined)
      }
      if (!connection.isSilent()) return { connection, leave }
      leave()
    } catch (error) {
      forget()
      throw error
    }
    return connected()
  }

  return {
    send: async (key, args) => {
      const { connection, leave } = await connected()
      try {
        return await connection.send(key, args)
      } catch (error) {
        if (isOfReplica(error)) leave()
        throw error
      }
    },
    close: async () => {
      const connection = await opening?.catch(() => undefined)
      await connection?.close()
    },
  }
}
