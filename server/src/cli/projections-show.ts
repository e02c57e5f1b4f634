import type { GenerationStatus, ParkedInProjection, PartitionStatus, ProjectionState, ProjectionStatus } from 'varve'
import { parkedJson, projectionJson } from '../projection-json.ts'
import { counting, duration } from './progress.ts'
import type { Session } from './session.ts'
import { tabbed } from './show.ts'
import { type Cell, tableLines } from './table.ts'
import type { Look, Terminal } from './terminal.ts'
import { visible } from './visible.ts'

/** Prints a line for each projection. */
export async function printList({ terminal, json }: Session, statuses: readonly ProjectionStatus[]): Promise<void> {
  if (json) for (const status of statuses) await terminal.print(JSON.stringify(projectionJson(status)))
  else if (terminal.isRead) for (const line of listTable(terminal, statuses)) await terminal.print(line)
  else for (const status of statuses) await terminal.print(tabbed(listColumns(status)))
  if (statuses.length === 0) terminal.note('No projection has run over this store.')
}

/** Prints everything about projections: their generations, the partitions of those, and why one has stopped. */
export async function printStatuses(session: Session, statuses: readonly ProjectionStatus[]): Promise<void> {
  const { terminal, json } = session
  for (const status of statuses) {
    if (json) await terminal.print(JSON.stringify(projectionJson(status)))
    else if (terminal.isRead) for (const line of statusLines(terminal, status)) await terminal.print(line)
    else for (const columns of statusColumns(status)) await terminal.print(tabbed(columns))
  }
  if (statuses.length === 0) terminal.note('No projection has run over this store.')
}

/** Prints events that are set aside. */
export async function printParked({ terminal, json }: Session, events: readonly ParkedInProjection[]): Promise<void> {
  if (json) for (const event of events) await terminal.print(JSON.stringify(parkedJson(event)))
  else if (!terminal.isRead) for (const event of events) await terminal.print(tabbed(parkedColumns(event)))
  else if (events.length > 0) for (const line of parkedTable(terminal, events)) await terminal.print(line)
}

const looks: Readonly<Record<ProjectionState, Look>> = {
  new: 'dim',
  catching_up: 'cyan',
  live: 'green',
  parked: 'yellow',
  paused: 'yellow',
  failed: 'red',
  rebuilding: 'cyan',
  retired: 'dim',
}

function listTable(terminal: Terminal, statuses: readonly ProjectionStatus[]): readonly string[] {
  const heading = ['NAME', 'STATE', 'POSITION', 'BEHIND', 'PARKED', 'GENERATION']
  return tableLines(
    terminal,
    heading,
    statuses.map((status): readonly Cell[] => [
      { text: status.name, look: 'bold' },
      { text: status.state, look: looks[status.state] },
      { text: counting(status.position), isNumber: true },
      { text: lagText(status), isNumber: true },
      { text: counting(status.parked), isNumber: true, ...(status.parked > 0 && { look: 'yellow' }) },
      { text: status.published === undefined ? 'none yet' : String(status.published), isNumber: true },
    ]),
  )
}

function listColumns({ name, state, position, lagEvents, lagMs, parked, published }: ProjectionStatus) {
  return [name, state, position, lagEvents, lagMs, parked, published ?? '']
}

function statusLines(terminal: Terminal, status: ProjectionStatus): readonly string[] {
  const { name, state, generations } = status
  const heading = `${terminal.styled('bold', visible(name))}  ${terminal.styled(looks[state], state)}`
  const alive = generations.filter(({ role }) => role !== 'retired')
  return [
    `${heading}  at ${counting(status.position)}, ${lagText(status)} behind, ${counting(status.parked)} parked`,
    ...alive.flatMap((generation) => generationLines(terminal, name, generation)),
  ]
}

function generationLines(terminal: Terminal, name: string, of: GenerationStatus): readonly string[] {
  const { generation, version, role, state, progress } = of
  const way = progress === undefined ? '' : `  ${Math.floor(progress.done * 100)} %${leftText(progress.etaMs)}`
  const title = `  generation ${generation} of version ${version}, ${role}  ${terminal.styled(looks[state], state)}${way}`
  return [title, ...of.partitions.flatMap((partition) => partitionLines(terminal, { name, of, partition }))]
}

function partitionLines(
  terminal: Terminal,
  {
    name,
    of,
    partition: status,
  }: { readonly name: string; readonly of: GenerationStatus; readonly partition: PartitionStatus },
): readonly string[] {
  const { partition, state, position, owner, failure, counts } = status
  const { events, batches, retries, skipped, loadMs, applyMs, writeMs } = counts
  const runs = owner === undefined ? 'nobody runs it' : `run by ${visible(owner)}`
  const times = `${span(loadMs)} to load, ${span(applyMs)} to apply, ${span(writeMs)} to write`
  const lines = [
    `    partition ${partition}  ${terminal.styled(looks[state], state)}  at ${counting(position)}, ${runs}`,
    terminal.styled(
      'dim',
      `      ${counting(events)} events in ${counting(batches)} batches: ${times}; ${counting(retries)} retries, ${counting(skipped)} skipped`,
    ),
  ]
  if (failure === undefined) return lines
  const { event, reason, code, atMs } = failure
  const where =
    event === undefined ? '' : ` at event ${event.position} (${visible(event.type)} of ${visible(event.streamId)})`
  const skip = event === undefined ? '' : `, or varve projections skip ${visible(name)} ${event.position}${chosen(of)}`
  return [
    ...lines,
    `      ${terminal.styled('red', 'failed')}${where}, ${new Date(atMs).toISOString()}: ${visible(reason)} (${visible(code)})`,
    `      Mend it, then: varve projections resume ${visible(name)}${skip}`,
  ]
}

/** Verbs are about the published generation unless told otherwise. */
function chosen({ generation, role }: GenerationStatus): string {
  return role === 'published' ? '' : ` --generation ${generation}`
}

/** One line for each partition of each generation that is not retired; of a generation without partitions, one line. */
function statusColumns({ name, generations }: ProjectionStatus): readonly (readonly (string | number)[])[] {
  return generations
    .filter(({ role }) => role !== 'retired')
    .flatMap(({ generation, version, role, partitions, position, lagEvents }) =>
      partitions.map(({ partition, state, owner = '', parked, failure, ...own }) => [
        name,
        generation,
        version,
        role,
        partition,
        state,
        own.position,
        position + lagEvents - own.position,
        parked,
        owner,
        failure?.event?.position ?? '',
        failure?.code ?? '',
        failure?.reason ?? '',
      ]),
    )
}

function parkedTable(terminal: Terminal, events: readonly ParkedInProjection[]): readonly string[] {
  const heading = ['POSITION', 'TYPE', 'STREAM', 'ATTEMPTS', 'CODE', 'REASON']
  return tableLines(
    terminal,
    heading,
    events.map(({ position, eventType, streamId, attempts, code, reason }): readonly Cell[] => [
      { text: String(position), isNumber: true },
      { text: eventType, look: 'bold' },
      { text: streamId, look: 'cyan' },
      { text: String(attempts), isNumber: true },
      { text: code },
      { text: reason },
    ]),
  )
}

function parkedColumns({ position, eventType, streamId, attempts, code, reason, key, atMs }: ParkedInProjection) {
  return [position, eventType, streamId, attempts, code, reason, key ?? '', new Date(atMs).toISOString()]
}

function lagText({ lagEvents, lagMs }: Pick<ProjectionStatus, 'lagEvents' | 'lagMs'>): string {
  return lagMs === 0 ? counting(lagEvents) : `${counting(lagEvents)} (${duration(lagMs)})`
}

function leftText(etaMs: number | undefined): string {
  return etaMs === undefined ? '' : `, ${duration(etaMs)} left`
}

function span(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : duration(ms)
}
