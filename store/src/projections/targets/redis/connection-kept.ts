import type { Clock } from '../../../engine/clock.ts'
import { type Connection, openConnection } from './driver.ts'
import { isOfReplica, outOfStep } from './errors.ts'

/** Whether an answer has the form of one to what was asked. */
export type IsAnswer = (answer: unknown) => boolean

/** What is kept. */
export interface ConnectionKept {
  send(firstKey: string, args: readonly string[], isAnswer: IsAnswer): Promise<unknown>
  close(): Promise<void>
}

/**
 * A connection that is opened by the first command, and another one by the command that finds that it is of no use any more:
 * one that could not be opened, whose server does not answer, or answers something else than what it is asked, or has become a
 * replica, which it would go on being for as long as it is asked. The URL may lead elsewhere by then.
 */
export function connectionKept(url: string, clock: Clock): ConnectionKept {
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
      if (!connection.isOver()) return { connection, leave }
      leave()
    } catch (error) {
      forget()
      throw error
    }
    return connected()
  }

  return {
    send: async (key, args, isAnswer) => {
      const { connection, leave } = await connected()
      try {
        const answer = await connection.send(key, args)
        if (isAnswer(answer)) return answer
        const problem = outOfStep(args)
        connection.giveUp(problem)
        throw problem
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
