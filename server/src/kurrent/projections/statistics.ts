import type { Mode, Registered } from './registry.ts'
import type { Figures } from './run.ts'
import type { Supervisor } from './supervisor.ts'

/** How a projection is doing, as clients read it. */
export interface Details {
  readonly coreProcessingTime: number
  readonly version: number
  readonly epoch: number
  readonly effectiveName: string
  readonly writesInProgress: number
  readonly readsInProgress: number
  readonly partitionsCached: number
  readonly status: string
  readonly stateReason: string
  readonly name: string
  readonly mode: string
  readonly position: string
  readonly progress: number
  readonly lastCheckpoint: string
  readonly eventsProcessedAfterRestart: number
  readonly checkpointStatus: string
  readonly bufferedEvents: number
  readonly writePendingEventsBeforeCheckpoint: number
  readonly writePendingEventsAfterCheckpoint: number
}

/** Projections that KurrentDB brings, whose streams are views here: always there, never late. */
export const systemProjections: readonly string[] = [
  '$by_category',
  '$by_event_type',
  '$stream_by_category',
  '$streams',
]

const modeNames: Readonly<Record<Mode, string>> = {
  continuous: 'Continuous',
  one_time: 'OneTime',
  transient: 'Transient',
}

/** How a projection of the system is doing: well. */
export function systemDetails(name: string, head: number): Details {
  const figures: Figures = { ...nothing, phase: 'Running', position: head, head, saved: head }
  return detailsOf({ name, mode: 'Continuous', version: 1, epoch: 0, status: 'Running', reason: '' }, figures, head)
}

/** How a projection is doing, here or on the server that runs it. */
export async function projectionDetails(
  supervisor: Supervisor,
  registered: Registered,
  head: number,
): Promise<Details> {
  const { name, id, version, epoch } = registered
  const run = supervisor.runOf(name)
  const entry = run === undefined && registered.mode !== 'transient' ? await supervisor.leases.look(name) : undefined
  const last = entry?.id === id ? entry : undefined
  const latest = run?.figures ?? last?.figures ?? undefined
  const figures = latest?.epoch === epoch ? latest : undefined
  const isHeld = run !== undefined || (last !== undefined && last.owner !== '')
  const status = statusOf(registered, isHeld, figures?.phase)
  const mode = modeNames[registered.mode]
  const reason = registered.fault ?? (status === 'Starting' && !isHeld ? waiting : '')
  const isLive = isHeld && status === 'Running'
  const shown = figures ?? nothing
  return detailsOf({ name, mode, version, epoch, status, reason }, isLive ? shown : { ...shown, ...still }, head)
}

const waiting = 'No server has taken it yet. Each runs as many projections as --user-projections-max says.'

const nothing: Figures = {
  phase: 'Starting',
  epoch: 0,
  position: 0,
  head: 0,
  saved: 0,
  coreMs: 0,
  events: 0,
  buffered: 0,
  partitions: 0,
  isReading: false,
  isWriting: false,
}

const still = { buffered: 0, isReading: false, isWriting: false }

function statusOf(
  { wanted, fault, completed }: Registered,
  isHeld: boolean,
  phase: Figures['phase'] | undefined,
): string {
  if (fault !== null) return 'Faulted'
  if (completed) return 'Completed'
  if (wanted === 'stopped') return isHeld ? 'Stopping' : 'Stopped'
  // In the words of KurrentDB: clients that wait until it is stopped look for that word, others for the first one.
  if (wanted === 'aborted') return isHeld ? 'Aborting' : 'Aborted/Stopped'
  return isHeld && phase === 'Running' ? 'Running' : 'Starting'
}

interface Named {
  readonly name: string
  readonly mode: string
  readonly version: number
  readonly epoch: number
  readonly status: string
  readonly reason: string
}

function detailsOf({ name, mode, version, epoch, status, reason }: Named, figures: Figures, head: number): Details {
  const { position, saved, coreMs, events, buffered, partitions, isReading, isWriting } = figures
  return {
    coreProcessingTime: Math.round(coreMs),
    version,
    epoch,
    effectiveName: name,
    writesInProgress: isWriting ? 1 : 0,
    readsInProgress: isReading ? 1 : 0,
    partitionsCached: partitions,
    status,
    stateReason: reason,
    name,
    mode,
    position: `C:${position}/P:${position}`,
    progress: head === 0 ? 100 : Math.min((position / head) * 100, 100),
    lastCheckpoint: `C:${saved}/P:${saved}`,
    eventsProcessedAfterRestart: events,
    checkpointStatus: isWriting ? 'Writing' : '',
    bufferedEvents: buffered,
    writePendingEventsBeforeCheckpoint: isWriting ? Math.max(position - saved, 0) : 0,
    writePendingEventsAfterCheckpoint: 0,
  }
}
