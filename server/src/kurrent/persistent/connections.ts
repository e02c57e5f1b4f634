import { limits } from 'varve'
import type { CallFailed } from '../grpc/status.ts'
import { type Latencies, newLatencies } from './latencies.ts'
import type { Notes } from './notes.ts'
import { type Source, type SourceParts, sourceFor } from './source.ts'

/** A consumer that is connected to this server. */
export interface Connection {
  /** What its group calls it. */
  readonly consumer: string
  readonly peer: string
  /** Who has logged in; undefined where nobody has to. */
  readonly login: string | undefined
  readonly name: string
  readonly bufferEvents: number
  readonly latencies: Latencies | undefined
  /** Events that it was sent and has not said a word on. */
  inFlight: number
  /** Events that it was sent. */
  total: number
  /** {@link total} when somebody asked last. */
  toldTotal: number
  /** Ends it. */
  readonly drop: (reason: CallFailed) => void
}

/** The consumers of one group that are connected to this server, and where their events come from. */
interface Served {
  readonly created: string
  readonly source: Source
  readonly connections: Set<Connection>
}

/** What a new connection says about itself. */
export interface NewConnection extends Pick<Connection, 'peer' | 'login' | 'name' | 'bufferEvents' | 'drop'> {
  readonly isMeasured: boolean
}

/** A connection, and where its events come from. */
export interface Connected {
  readonly connection: Connection
  readonly source: Source
  readonly leave: () => void
}

/** Characters that tell consumers of one name apart. */
const markChars = 8

/** The consumers of all groups that are connected to this server. */
export class Connections {
  readonly #served = new Map<string, Served>()
  readonly #parts: SourceParts
  readonly #newId: () => string

  constructor(parts: SourceParts, newId: () => string) {
    this.#parts = parts
    this.#newId = newId
  }

  /** Enters a connection under its group. All of one group share one source, and so one member of the group. */
  join(group: string, notes: Notes, { isMeasured, ...about }: NewConnection): Connected {
    const served = this.#servedFor(group, notes)
    const connection: Connection = {
      ...about,
      consumer: `${connectionMark(this.#newId())} ${about.name}`.slice(0, limits.consumerNameChars).toWellFormed(),
      latencies: isMeasured ? newLatencies() : undefined,
      inFlight: 0,
      total: 0,
      toldTotal: 0,
    }
    served.connections.add(connection)
    const leave = (): void => {
      served.connections.delete(connection)
      if (served.connections.size === 0 && this.#served.get(group) === served) this.#served.delete(group)
    }
    return { connection, source: served.source, leave }
  }

  /** The source of a group that has consumers here. */
  sourceOf(group: string): Source | undefined {
    return this.#served.get(group)?.source
  }

  /** The connection that a group calls by this name, if it is one of this server. */
  find(group: string, consumer: string): Connection | undefined {
    const connections = this.#served.get(group)?.connections ?? []
    for (const connection of connections) if (connection.consumer === consumer) return connection
    return undefined
  }

  /** Ends all of them. */
  dropAll(reasonFor: (group: string) => CallFailed): void {
    for (const [group, { connections }] of this.#served) {
      for (const { drop } of connections) drop(reasonFor(group))
    }
  }

  #servedFor(group: string, notes: Notes): Served {
    const known = this.#served.get(group)
    if (known?.created === notes.created) {
      known.source.strategy = notes.settings.strategy
      return known
    }
    const served = { created: notes.created, source: sourceFor(this.#parts, notes), connections: new Set<Connection>() }
    this.#served.set(group, served)
    return served
  }
}

function connectionMark(id: string): string {
  return id.replaceAll('-', '').slice(-markChars)
}

/** The name of a connection, by what its group calls it. */
export function connectionNameIn(consumer: string): string {
  return consumer.slice(markChars + 1)
}
