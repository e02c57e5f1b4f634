import type { Command } from 'commander'
import {
  listProjections,
  type ProjectionStatus,
  pauseProjection,
  projectionStatus,
  rebuildProjection,
  resumeProjection,
  retireGeneration,
  swapProjection,
  waitForProjection,
} from 'varve'
import { confirmed } from './confirmed.ts'
import { type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { duration, refuseUsage, wholeNumber } from './options.ts'
import { addParked, addReplay, addSkip } from './projections-parked.ts'
import { addRun } from './projections-run.ts'
import { printList, printStatuses } from './projections-show.ts'
import { addVerify } from './projections-verify.ts'
import { untilBuilt, watched } from './projections-watch.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

/** `varve projections`: read models and the instances that run them. */
export function addProjections(program: Command, run: Run): void {
  const projections = program
    .command('projections')
    .summary('look after read models, and run them')
    .description(
      'Shows how the projections are doing that run over a store, in whatever processes, and tells those what to do. They ' +
        'act on it when they next look, within a quarter of a lease. verify and run need the code: a module that exports ' +
        'what defineProjection returns.',
    )
  examples(projections, [
    ['varve projections list', 'one line each'],
    ['varve projections status stock', 'generations, partitions, owners, and why it stopped'],
    ['varve projections run src/projections.ts', 'a worker; start as many as you like'],
  ])
  addList(projections, run)
  addStatus(projections, run)
  addPause(projections, run)
  addResume(projections, run)
  addRebuild(projections, run)
  addSwap(projections, run)
  addRetire(projections, run)
  addParked(projections, run)
  addReplay(projections, run)
  addSkip(projections, run)
  addVerify(projections, run)
  addRun(projections, run)
}

function addList(projections: Command, run: Run): void {
  const command = projections
    .command('list')
    .summary('one line for each projection')
    .description(
      'Lists the projections that ever ran over the store. In a pipe: name, state, position, events behind, milliseconds ' +
        'behind, parked events, published generation.',
    )
  examples(command, [
    ['varve projections list', 'all of them'],
    [`varve projections list --json | jq 'select(.lag_ms > 60000)'`, 'what is more than a minute behind'],
  ])
  command.action(() =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        await printList(session, await listProjections(store))
        return undefined
      }),
    ),
  )
}

interface StatusFlags {
  readonly maxLag?: number
  readonly wait?: number
  readonly timeout?: number
  readonly watch?: boolean
}

function addStatus(projections: Command, run: Run): void {
  const command = projections
    .command('status')
    .summary('everything about one projection, or about all')
    .description(
      'Prints generations, partitions, owners, counts, and why a projection has stopped. Exit code: 0, or 1 when one has ' +
        'failed or is further behind than --max-lag. In a pipe, for each partition: name, generation, version, role, ' +
        'partition, state, position, events behind, parked events, owner, and of a failure position, code, reason.',
    )
    .argument('[name]', 'the projection; left out: all')
    .option('--max-lag <time>', 'the most that readers may be behind, as in 30s', duration)
    .option('--wait <position>', 'first wait until the read model has come to this position', wholeNumber)
    .option('--timeout <time>', 'with --wait: how long at the most (default: 30s)', duration)
    .option('--watch', 'again every second, until Ctrl-C')
  examples(command, [
    ['varve projections status stock', 'what it is doing'],
    ['varve projections status --max-lag 1m >/dev/null || page-somebody', 'for a monitor'],
    ['varve projections status stock --wait 1204 --timeout 5s', 'read your own write, from a script'],
  ])
  command.action((name: string | undefined, flags: StatusFlags) =>
    run(command, (session) => showStatus(session, name, flags)),
  )
}

async function showStatus(
  session: Session,
  name: string | undefined,
  { maxLag, wait, timeout, watch }: StatusFlags,
): Promise<ExitCode | undefined> {
  const { signal } = session
  if (timeout !== undefined && wait === undefined) refuseUsage('--timeout goes together with --wait.')
  return withStore(session, 'existing', async (store) => {
    if (wait !== undefined) {
      if (name === undefined) refuseUsage('--wait needs the name of a projection.')
      await waitForProjection(store, name, wait, { signal, ...(timeout !== undefined && { timeoutMs: timeout }) })
    }
    const look = async (): Promise<readonly ProjectionStatus[]> =>
      name === undefined ? listProjections(store) : [await projectionStatus(store, name)]
    if (watch === true) return watched(session, look)
    const statuses = await look()
    await printStatuses(session, statuses)
    const isUnwell = (status: ProjectionStatus): boolean => hasFailed(status) || status.lagMs > (maxLag ?? Infinity)
    return statuses.some(isUnwell) ? exitCodes.failed : exitCodes.done
  })
}

/** Also a generation that readers do not see: it would never come to be shown. */
function hasFailed({ generations }: ProjectionStatus): boolean {
  return generations.some(({ state }) => state === 'failed')
}

function addPause(projections: Command, run: Run): void {
  const command = projections
    .command('pause')
    .summary('stop a projection until it is resumed')
    .description('Pauses all generations of a projection, also across restarts. Batches under way are finished.')
    .argument('<name>', 'the projection')
  examples(command, [['varve projections pause stock', 'in all instances']])
  command.action((name: string) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        await pauseProjection(store, name)
        await printTold(session, name, 'paused', 'is paused')
        return undefined
      }),
    ),
  )
}

function addResume(projections: Command, run: Run): void {
  const command = projections
    .command('resume')
    .summary('let a paused or failed projection go on')
    .description('Lets a paused projection go on, and one that failed try again.')
    .argument('<name>', 'the projection')
  examples(command, [['varve projections resume stock', 'in all instances']])
  command.action((name: string) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        await resumeProjection(store, name)
        await printTold(session, name, 'running', 'goes on')
        return undefined
      }),
    ),
  )
}

function addRebuild(projections: Command, run: Run): void {
  const command = projections
    .command('rebuild')
    .summary('build a read model anew, beside the one that readers see')
    .description(
      'Begins a new generation, which readers see once it has caught up, or after swap, as the instances are set. Prints ' +
        'its number. Nothing changes for readers until then.',
    )
    .argument('<name>', 'the projection')
    .option('--watch', 'wait until it has caught up, with a progress bar')
  examples(command, [['varve projections rebuild stock --watch', 'and wait for it']])
  command.action((name: string, { watch }: { readonly watch?: boolean }) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        const generation = await rebuildProjection(store, name)
        const text = `Generation ${generation} of ${visible(name)} is built beside the one that readers see.`
        await printResult(session, { name, generation }, text, [name, generation])
        if (watch !== true) return undefined
        await session.terminal.flush()
        return untilBuilt(session, { generation, look: () => projectionStatus(store, name) })
      }),
    ),
  )
}

function addSwap(projections: Command, run: Run): void {
  const command = projections
    .command('swap')
    .summary('show readers another generation')
    .description(
      'Shows the generation that is being built, as soon as it has caught up; or one that was kept, at once, which takes a ' +
        'swap back.',
    )
    .argument('<name>', 'the projection')
    .argument('<generation>', 'its number, as status shows it', wholeNumber)
  examples(command, [['varve projections swap stock 1', 'back to the generation before']])
  command.action((name: string, generation: number) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        await swapProjection(store, name, generation)
        await printTold(session, name, 'swap', `shows generation ${generation} as soon as it can`, generation)
        return undefined
      }),
    ),
  )
}

function addRetire(projections: Command, run: Run): void {
  const command = projections
    .command('retire')
    .summary('end a generation, and remove its read model')
    .description('Ends a generation that readers do not see. The instances stop it and remove its read model.')
    .argument('<name>', 'the projection')
    .argument('<generation>', 'its number, as status shows it', wholeNumber)
    .option('--yes', 'do not ask')
  examples(command, [['varve projections retire stock 1 --yes', 'without a question, for scripts']])
  command.action((name: string, generation: number, { yes }: { readonly yes?: boolean }) =>
    run(command, async (session) => {
      if (yes !== true) await confirmed(session, `Remove generation ${generation} of ${visible(name)}?`)
      return withStore(session, 'existing', async (store) => {
        await retireGeneration(store, name, generation)
        await printTold(session, name, 'retired', `retires generation ${generation}`, generation)
        return undefined
      })
    }),
  )
}

async function printTold(
  session: Session,
  name: string,
  told: string,
  says: string,
  generation?: number,
): Promise<void> {
  const result = { name, told, ...(generation !== undefined && { generation }) }
  const columns = [name, told, ...(generation === undefined ? [] : [generation])]
  await printResult(session, result, `${visible(name)} ${says}; its instances act on it when they next look.`, columns)
}
