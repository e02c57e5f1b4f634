import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { DynamoDBClientLike } from '../../store/src/engines/dynamodb/index.ts'

/** What requests have consumed, as DynamoDB counts it: in units of a kilobyte written, and of four kilobytes read. */
export interface Meter {
  readonly client: DynamoDBClientLike
  /** The units since the last time this was asked. */
  take(): Units
}

/** Units of writing and of reading, and requests. */
export interface Units {
  readonly write: number
  readonly read: number
  readonly requests: number
}

interface Command {
  readonly input: Record<string, unknown>
  readonly constructor: { readonly name: string }
}

interface Consumed {
  readonly CapacityUnits?: number
}

/** A client that asks with each request what it consumes. */
export function metered(client: DynamoDBClient): Meter {
  let units = { write: 0, read: 0, requests: 0 }
  return {
    client: {
      send: async (command: never, options) => {
        const {
          input,
          constructor: { name },
        } = command as Command
        if (!name.includes('Table')) input.ReturnConsumedCapacity = 'TOTAL'
        const answer = (await client.send(command, options)) as { ConsumedCapacity?: Consumed | readonly Consumed[] }
        const consumed = [answer.ConsumedCapacity ?? []].flat().reduce((sum, one) => sum + (one.CapacityUnits ?? 0), 0)
        const kind = /Put|Delete|Update|Write/.test(name) ? 'write' : 'read'
        units = { ...units, [kind]: units[kind] + consumed, requests: units.requests + 1 }
        return answer
      },
    },
    take: () => {
      const taken = units
      units = { write: 0, read: 0, requests: 0 }
      return taken
    },
  }
}
