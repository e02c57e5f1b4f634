import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  isVarveError,
  type Projection,
  type ProjectionLogLine,
  type RunProjectionsOptions,
  runProjections,
  systemClock,
} from 'varve'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { duration, wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import type { Look } from './terminal.ts'
import { loadProjections } from './user-projections.ts'
import { visible } from './visible.ts'

interface RunFlags {
  readonly instance?: string
  readonly lease?: number
  readonly swap?: 'when_caught_up' | 'manual'
  readonly previous: boolean
  readonly rebuildRate?: number
}

/** `varve projections run`: a worker. */
export function addRun(projections: Command, run: Run): void {
  const command = projections
    .command('run')
    .summary('run projections until Ctrl-C, together with other workers')
    .description(
      'Runs the projections of a module. Any number of workers over one store share the work; the others take over when ' +
        'one ends or dies. Prints what happens, a line each. On Ctrl-C or a request to end it finishes the batches under ' +
        'way and gives its projections to the others. In a pipe: time, level, place, text.',
    )
    .argument('<module>', 'a module that exports projections, as in src/projections.ts')
    .argument('[names...]', 'some of them; left out: all')
    .option('--instance <name>', 'name of this worker, as status shows it (default: a random one)')
    .option('--lease <time>', 'silence after which others take over (default: 10s)', leaseTime)
    .addOption(
      new Option('--swap <when>', 'when readers see a new generation (default: when_caught_up)').choices(swaps),
    )
    .option('--no-previous', 'remove the generation before at once, instead of keeping it to go back to')
    .option('--rebuild-rate <events>', 'the most events per second to build a generation with', wholeNumber)
  examples(command, [
    ['varve projections run src/projections.ts', 'all that the module exports'],
    ['varve projections run src/projections.ts stock --swap manual', 'one of them; swap shows a new version'],
    [`varve projections run src/projections.ts --json | jq 'select(.level != "info")'`, 'what is wrong'],
  ])
  command.action((module: string, names: readonly string[], flags: RunFlags) =>
    run(command, (session) => runWorker(session, module, names, flags)),
  )
}

const swaps = ['when_caught_up', 'manual']

function leaseTime(text: string): number {
  const ms = duration(text)
  if (ms === 0) throw new InvalidArgumentError('Give a lease of at least a second, as in 10s.')
  return ms
}

async function runWorker(
  session: Session,
  module: string,
  names: readonly string[],
  { instance, lease, swap, previous, rebuildRate }: RunFlags,
): Promise<ExitCode | undefined> {
  const { signal } = session
  const projections = await loadProjections(module, names, signal)
  const log = (line: ProjectionLogLine): void => void printLine(session, line)
  const options: RunProjectionsOptions = {
    ...{ log, signal, keepsPrevious: previous },
    ...(instance !== undefined && { instance }),
    ...(lease !== undefined && { leaseMs: lease }),
    ...(swap !== undefined && { swap }),
    ...(rebuildRate !== undefined && { rebuildEventsPerSecond: rebuildRate }),
  }
  return withStore(session, 'existing', async (store) => {
    const running = runProjections(store, projections, options)
    log({ level: 'info', text: `${running.instance} runs ${projections.map(described).join(', ')}. Ctrl-C ends it.` })
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
