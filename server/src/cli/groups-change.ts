import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  type CreateGroupOptions,
  createGroup,
  deleteGroup,
  type GroupStrategy,
  groupInfo,
  type PinnedBy,
  startGroup,
  stopGroup,
  updateGroup,
} from 'varve'
import { withWireNames } from '../wire-names.ts'
import { confirmed } from './confirmed.ts'
import type { ExitCode } from './failure.ts'
import { addFilters, examples } from './help.ts'
import { duration, type FilterOptions, queryOf, wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

const strategies: readonly GroupStrategy[] = ['round_robin', 'single', 'overflow', 'pinned', 'sticky']

interface SettingFlags {
  readonly strategy?: GroupStrategy
  readonly pinnedBy?: string
  readonly messageTimeout?: number
  readonly memberTimeout?: number
  readonly retries?: number
  readonly inFlight?: number
  readonly buffer?: number
  readonly retryDelay?: number
  readonly consumers?: number
  readonly checkpointEvents?: number
  readonly checkpointTime?: number
}

interface CreateFlags extends SettingFlags, FilterOptions {
  readonly stream?: string
  readonly from?: number | 'end'
}

/** `varve groups create`, `update`, `delete`, `stop` and `start`. */
export function addGroupChanges(groups: Command, run: Run): void {
  addCreate(groups, run)
  addUpdate(groups, run)
  addDelete(groups, run)
  addStop(groups, run)
  addStart(groups, run)
}

function addCreate(groups: Command, run: Run): void {
  const command = groups
    .command('create')
    .summary('create a consumer group')
    .description('Creates a consumer group over the store, over what a filter lets through, or over one stream.')
    .argument('<group>')
    .option('--stream <stream>', 'follow one stream, by version')
    .option('--from <place>', 'begin at this position (a version with --stream), or at end (default: 1)', placeOrEnd)
  addSettings(command)
  addFilters(command)
  examples(command, [
    ['varve groups create mailer --type OrderPlaced --from end', 'only orders to come'],
    ['varve groups create stock --category Order --strategy pinned', 'each order in its order'],
  ])
  command.action((group: string, flags: CreateFlags) => run(command, (session) => create(session, group, flags)))
}

function addSettings(command: Command): void {
  command
    .addOption(new Option('--strategy <name>', 'who gets which event').choices(strategies))
    .option('--pinned-by <what>', 'with pinned and sticky: stream, category, correlation or tag:NAME (default: stream)')
    .option('--message-timeout <time>', 'what a consumer has for an event: 30s (default), 10m', duration)
    .option('--member-timeout <time>', 'silence after which a program is taken for lost: 10s (default), 1m', duration)
    .option('--retries <count>', 'before an event is parked (default: 10)', wholeNumber)
    .option(
      '--retry-delay <time>',
      'before the first retry, doubled for each further one: 1s (default), 200ms',
      duration,
    )
    .option('--in-flight <count>', 'events unfinished at a time (default: 1000)', wholeNumber)
    .option('--buffer <count>', 'events that a consumer has at a time (default: 256)', wholeNumber)
    .option('--consumers <count>', 'consumers at the most (default: 256)', wholeNumber)
    .option(
      '--checkpoint-events <count>',
      'acks after which they are saved, at the latest (default: 1000)',
      wholeNumber,
    )
    .option('--checkpoint-time <time>', 'after which an ack is saved, at the latest: 20ms (default), 1s', duration)
}

async function create(session: Session, group: string, flags: CreateFlags): Promise<ExitCode | undefined> {
  const { stream, from } = flags
  const filter = queryOf(flags)
  const options: CreateGroupOptions = {
    ...settingsFrom(flags),
    ...(stream !== undefined && { stream }),
    ...(from !== undefined && { from }),
    ...(filter !== undefined && { filter }),
  }
  return withStore(session, 'existing', async (store) => {
    await createGroup(store, group, options)
    const info = await groupInfo(store, group)
    const forPerson = `${visible(group)} is there, and begins after ${info.reached}.`
    await printResult(session, withWireNames(info) as object, forPerson, [group, info.reached])
    return undefined
  })
}

function addUpdate(groups: Command, run: Run): void {
  const command = groups
    .command('update')
    .summary('change settings of a consumer group')
    .description('Changes the settings that are given, for all consumers at once. What is not given stays.')
    .argument('<group>')
  addSettings(command)
  examples(command, [['varve groups update mailer --retries 3', 'parks sooner']])
  command.action((group: string, flags: SettingFlags) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        await updateGroup(store, group, settingsFrom(flags))
        const { settings } = await groupInfo(store, group)
        await printResult(session, withWireNames({ group, settings }) as object, `${visible(group)} is changed.`, [
          group,
        ])
        return undefined
      }),
    ),
  )
}

function addDelete(groups: Command, run: Run): void {
  const command = groups
    .command('delete')
    .summary('delete a consumer group')
    .description('Deletes a consumer group with its parked events, and ends its consumers. No event is touched.')
    .argument('<group>')
    .option('--yes', 'do not ask')
  examples(command, [['varve groups delete mailer --yes', 'without a question, for scripts']])
  command.action((group: string, flags: { readonly yes?: boolean }) =>
    run(command, async (session) => {
      if (flags.yes !== true) await confirmed(session, `Delete ${visible(group)} and what it has parked?`)
      return change(session, group, 'deleted', (store) => deleteGroup(store, group))
    }),
  )
}

function addStop(groups: Command, run: Run): void {
  const command = groups
    .command('stop')
    .summary('let a consumer group deliver nothing')
    .description('Stops a consumer group: its consumers end, and none can begin, until it is started again.')
    .argument('<group>')
    .option('--reason <text>', 'why, for those who wonder')
  examples(command, [['varve groups stop mailer --reason "mail server moves"', 'until varve groups start mailer']])
  command.action((group: string, flags: { readonly reason?: string }) =>
    run(command, (session) => change(session, group, 'stopped', (store) => stopGroup(store, group, flags))),
  )
}

function addStart(groups: Command, run: Run): void {
  const command = groups.command('start').summary('let a stopped consumer group deliver again').argument('<group>')
  examples(command, [['varve groups start mailer', 'from where it was']])
  command.action((group: string) =>
    run(command, (session) => change(session, group, 'started', (store) => startGroup(store, group))),
  )
}

async function change(
  session: Session,
  group: string,
  done: string,
  work: (store: Parameters<typeof deleteGroup>[0]) => Promise<void>,
): Promise<ExitCode | undefined> {
  return withStore(session, 'existing', async (store) => {
    await work(store)
    await printResult(session, { group, status: done }, `${visible(group)} is ${done}.`, [group, done])
    return undefined
  })
}

function settingsFrom(flags: SettingFlags): CreateGroupOptions {
  const { strategy, pinnedBy, messageTimeout, memberTimeout, retries, inFlight, buffer } = flags
  const { retryDelay, consumers, checkpointEvents, checkpointTime } = flags
  return {
    ...(strategy !== undefined && { strategy }),
    ...(pinnedBy !== undefined && { pinnedBy: pinnedBy as PinnedBy }),
    ...(messageTimeout !== undefined && { messageTimeoutMs: messageTimeout }),
    ...(memberTimeout !== undefined && { memberTimeoutMs: memberTimeout }),
    ...(retries !== undefined && { retriesMax: retries }),
    ...(inFlight !== undefined && { inFlightMax: inFlight }),
    ...(buffer !== undefined && { bufferEvents: buffer }),
    ...(retryDelay !== undefined && { retryDelayMs: retryDelay }),
    ...(consumers !== undefined && { consumersMax: consumers }),
    ...(checkpointEvents !== undefined && { checkpointEvents }),
    ...(checkpointTime !== undefined && { checkpointMs: checkpointTime }),
  }
}

function placeOrEnd(text: string): number | 'end' {
  if (text === 'end') return text
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number from 0 on, or end.')
  return wholeNumber(text)
}
