import { type Command, Option } from 'commander'
import { examples } from './help.ts'
import { wholeNumber } from './options.ts'
import type { Run } from './session.ts'
import { loadProjections } from './user-projections.ts'
import { runWorker, type WorkerFlags, workerOptions } from './worker.ts'

interface RunFlags extends WorkerFlags {
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
  workerOptions(command)
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
    run(command, async (session) => {
      const { swap, previous, rebuildRate } = flags
      const projections = await loadProjections(module, names, session.signal)
      const options = {
        keepsPrevious: previous,
        ...(swap !== undefined && { swap }),
        ...(rebuildRate !== undefined && { rebuildEventsPerSecond: rebuildRate }),
      }
      return runWorker(session, flags, () => ({ projections, options }))
    }),
  )
}

const swaps = ['when_caught_up', 'manual']
