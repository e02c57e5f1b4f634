import { type Command, InvalidArgumentError } from 'commander'
import {
  type EventStore,
  isVarveError,
  type Projection,
  type ProjectionLogLine,
  type RunProjectionsOptions,
  runProjections,
  systemClock,
} from 'varve'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { duration } from './options.ts'
import { type Session, withStore } from './session.ts'
import type { Look } from './terminal.ts'
import { visible } from './visible.ts'

/** What every worker takes. */
export interface WorkerFlags {
  readonly instance?: string
  readonly lease?: number
}

/** Adds what every worker takes to a command. */
export function workerOptions(command: Command): Command {
  return command
    .option('--instance <name>', 'name of this worker, as status shows it (default: a random one)')
    .option('--lease <time>', 'silence after which others take over (default: 10s)', leaseTime)
}

function leaseTime(text: string): number {
  const ms = duration(text)
  if (ms === 0) throw new InvalidArgumentError('Give a lease of at least a second, as in 10s.')
  return ms
}

/** What a worker runs, once the store is open. */
export interface Work {
  readonly projections: readonly Projection<unknown>[]
  readonly options?: RunProjectionsOptions
  /** Runs beside them, and ends when they have. */
  readonly beside?: AsyncDisposable
  /** A further line for whoever watches. */
  readonly says?: string
}

/** Runs projections until the session ends, and prints what happens. */
export async function runWorker(
  session: Session,
  { instance, lease }: WorkerFlags,
  prepare: (store: EventStore) => Work | Promise<Work>,
): Promise<ExitCode | undefined> {
  const { signal } = session
  const log = (line: ProjectionLogLine): void => void printLine(session, line)
  return withStore(session, 'existing', async (store) => {
    const { projections, options, beside, says } = await prepare(store)
    await using _ = beside
    const running = runProjections(store, projections, {
      ...{ ...options, log, signal },
      ...(instance !== undefined && { instance }),
      ...(lease !== undefined && { leaseMs: lease }),
    })
    log({ level: 'info', text: `${running.instance} runs ${projections.map(described).join(', ')}. Ctrl-C ends it.` })
    if (says !== undefined) log({ level: 'info', text: says })
    await running.done
    // What readers see in this process is not needed any more.
    for (const { target } of projections) await target.close()
    if (!signal.aborted) {
      throw new CliFailure('The store was closed; the projections stopped. Start again.', exitCodes.unavailable)
    }
    log({ level: 'info', text: `${running.instance} has ended; others take over.` })
    await session.terminal.flush()
    return exitCodes.done
  })
}

function described({ name, version, partitions }: Projection<unknown>): string {
  return `${name} (version ${version}${partitions > 1 ? `, ${partitions} partitions` : ''})`
}

const looks: Readonly<Record<ProjectionLogLine['level'], Look>> = { info: 'dim', warn: 'yellow', error: 'red' }

/** Whoever watches a pipe wants to see each line at once. */
async function printLine({ terminal, json }: Session, line: ProjectionLogLine): Promise<void> {
  const { level, text, projection, generation, partition, error } = line
  const time = new Date(systemClock.now()).toISOString()
  const place = [projection, generation, partition].filter((part) => part !== undefined).join('/')
  if (json) {
    const facts = { time, level, text, projection, generation, partition, ...errorFacts(error) }
    await terminal.print(JSON.stringify(facts))
  } else if (terminal.isRead) {
    const shown = `${terminal.styled('dim', time)}  ${terminal.styled(looks[level], level.padEnd(5))}`
    await terminal.print(
      `${shown}  ${place === '' ? '' : `${terminal.styled('bold', visible(place))}  `}${visible(text)}`,
    )
  } else {
    await terminal.print([time, level, place, text].map(visible).join('\t'))
  }
  await terminal.flush()
}

function errorFacts(error: unknown): object {
  if (!(error instanceof Error)) return error === undefined ? {} : { error: String(error) }
  return { error: error.message, code: isVarveError(error) ? error.code : error.name, stack: error.stack }
}
