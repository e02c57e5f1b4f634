import type { Fault, PackedEvent } from './isolate/exchange.ts'
import { sourceName } from './isolate/sandbox.ts'
import type { ProjectionLimits } from './limits.ts'

/** A projection cannot go on, and why. Everything before the event that it failed at can still be kept. */
export class ProjectionFault extends Error {
  /** Position of the event, undefined when it failed at none. */
  readonly position: number | undefined

  constructor(reason: string, position?: number) {
    super(reason)
    this.name = 'ProjectionFault'
    this.position = position
  }
}

/** Others have gone on with the projection. */
export class Overtaken extends Error {}

/** A failure of user code, with the event, its position and the line of the source. */
export function faultOf(fault: Fault, events: readonly PackedEvent[], limits: ProjectionLimits): ProjectionFault {
  const event = events.find(([position]) => position === fault.at)
  const [, line, column] = new RegExp(`${sourceName.replace('.', '\\.')}:(\\d+):(\\d+)`).exec(fault.stack) ?? []
  const where = line === undefined ? '' : ` at line ${line}, column ${column}`
  const what = fault.handling === '' ? 'The query' : `${named(fault.handling)}`
  const at = event === undefined ? '' : ` for event ${placeOf(event)}`
  return new ProjectionFault(`${what} failed${where}${at}: ${explained(fault, limits)}`, event?.[0])
}

/** A failure that ended the isolate, while it handled some events. */
export function lostAt(events: readonly PackedEvent[], error: Error): ProjectionFault {
  const [first] = events
  const last = events.at(-1)
  if (first === undefined || last === undefined) return new ProjectionFault(`The query failed: ${error.message}.`)
  const range = first === last ? placeOf(first) : `${placeOf(first)} or one behind it, up to position ${last[0]}`
  return new ProjectionFault(`User code failed for event ${range}: ${error.message}.`, first[0])
}

/** An event, for people. */
export function placeOf([position, , stream, type, revision]: PackedEvent): string {
  return `${revision}@${stream} (${type}) at position ${position}`
}

function named(handling: string): string {
  return handling.startsWith('the ') ? handling.replace('the ', 'The ') : `The handler ${handling}`
}

function explained({ name, message }: Fault, { eventMs, memoryMib }: ProjectionLimits): string {
  if (name === 'InternalError' && message === 'interrupted') return `it took longer than ${eventMs} ms.`
  if (name === 'InternalError' && message === 'out of memory') return `it needs more than ${memoryMib} MiB of memory.`
  return name === '' ? `it threw ${message}.` : `${name}: ${message}.`
}
