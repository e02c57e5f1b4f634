import type { Command } from 'commander'
import { type GroupInfo, type GroupSummary, groupInfo, listGroups } from 'varve'
import { withWireNames } from '../wire-names.ts'
import type { ExitCode } from './failure.ts'
import { addGroupChanges } from './groups-change.ts'
import { addGroupConsume } from './groups-consume.ts'
import { addGroupParked } from './groups-parked.ts'
import { examples } from './help.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

/** `varve groups`: consumer groups, and what they have parked. */
export function addGroups(program: Command, run: Run): void {
  const groups = program
    .command('groups')
    .summary('look after consumer groups')
    .description('Looks after consumer groups: consumers that share events, and whose place the store keeps.')
  examples(groups, [
    ['varve groups create mailer --type OrderPlaced', 'a group for orders'],
    ['varve groups status mailer', 'how far it is, and what is in its way'],
    ['varve groups parked mailer', 'the events it has put aside, and why'],
    ['varve groups replay mailer --all --count 12', 'delivers those 12 again'],
  ])
  addList(groups, run)
  addStatus(groups, run)
  addGroupChanges(groups, run)
  addGroupParked(groups, run)
  addGroupConsume(groups, run)
}

function addList(groups: Command, run: Run): void {
  const command = groups
    .command('list')
    .summary('list consumer groups')
    .description(
      'Lists consumer groups by name. In a pipe: name, status (running, idle, stopped), checkpoint, events in flight, ' +
        'waiting and parked, separated by tabs.',
    )
    .argument('[prefix]', 'groups whose name begins with this; left out: all')
  examples(command, [
    ['varve groups list', 'all of them'],
    ['varve groups list --json | jq -r "select(.parked > 0).group"', 'those that have parked something'],
  ])
  command.action((prefix: string | undefined) => run(command, (session) => list(session, prefix ?? '')))
}

async function list(session: Session, prefix: string): Promise<ExitCode | undefined> {
  return withStore(session, 'existing', async (store) => {
    for await (const group of listGroups(store, { prefix, signal: session.signal })) await printSummary(session, group)
    return undefined
  })
}

async function printSummary(session: Session, summary: GroupSummary): Promise<void> {
  const { group, status, checkpoint, inFlight, waiting, parked } = summary
  const { terminal } = session
  const look = { running: 'green', idle: 'dim', stopped: 'red' } as const
  const name = terminal.styled('cyan', visible(group))
  const counts = `${inFlight} in flight, ${waiting} waiting, ${parked} parked`
  const forPerson = `${terminal.styled(look[status], status.padEnd(8))}${name}  up to ${checkpoint}, ${counts}`
  await printResult(session, withWireNames(summary) as object, forPerson, [
    group,
    status,
    checkpoint,
    inFlight,
    waiting,
    parked,
  ])
}

function addStatus(groups: Command, run: Run): void {
  const command = groups
    .command('status')
    .summary('tell how far a group is, and what is in its way')
    .description(
      'Tells where a consumer group stands. In a pipe: name, status, checkpoint, lag in events, events in flight, waiting, ' +
        'parked, and the position of the first event that is not finished (0 for none), separated by tabs.',
    )
    .argument('<group>')
  examples(command, [
    ['varve groups status mailer', 'for a person'],
    ['varve groups status mailer --json | jq .lag_events', 'for a monitor'],
  ])
  command.action((group: string) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        await printInfo(session, await groupInfo(store, group, { signal: session.signal }))
        return undefined
      }),
    ),
  )
}

/** Prints where a group stands. */
export async function printInfo(session: Session, info: GroupInfo): Promise<void> {
  const { group, status, checkpoint, lagEvents, inFlight, waiting, parked, oldest } = info
  const columns = [group, status, checkpoint, lagEvents, inFlight, waiting, parked, oldest?.position ?? 0]
  await printResult(session, withWireNames(info) as object, infoText(session, info), columns)
}

function infoText({ terminal }: Session, info: GroupInfo): string {
  const { settings, stopped, oldest, members } = info
  const source = settings.stream === undefined ? filterText(settings.filter) : `stream ${visible(settings.stream)}`
  const field = (name: string, value: string | number): string => `  ${terminal.styled('dim', name.padEnd(12))}${value}`
  const lag = `${info.isLagExact ? '' : 'more than '}${info.lagEvents} events`
  const consumers = members.flatMap(({ consumers: own }) => own)
  return [
    `${terminal.styled('cyan', visible(info.group))}  ${info.status}`,
    ...(stopped === undefined
      ? []
      : [field('stopped', terminal.styled('red', visible(stopped.reason || 'no reason')))]),
    field('follows', source),
    field('strategy', settings.strategy === 'pinned' ? `pinned by ${settings.pinnedBy}` : settings.strategy),
    field('checkpoint', info.checkpoint),
    field('lag', lag),
    field('in flight', `${info.inFlight}, and ${info.waiting} that nobody has`),
    field('parked', `${info.parked}${info.isReplaying ? ', some on their way back' : ''}`),
    field('finished', `${info.acked} acknowledged, ${info.skipped} skipped, ${info.perSecond} a second`),
    ...(oldest === undefined
      ? []
      : [
          field(
            'first open',
            `${oldest.position} ${visible(oldest.streamId)} ${visible(oldest.eventType)} of ${oldest.timestamp}, after ${oldest.attempts} failed attempts`,
          ),
        ]),
    ...consumers.map(({ name, inFlight, finished, perSecond }) =>
      field('consumer', `${visible(name)}: ${inFlight} in flight, ${finished} finished, ${perSecond} a second`),
    ),
  ].join('\n')
}

function filterText(filter: unknown): string {
  return filter === 'everything' ? 'the whole store' : visible(JSON.stringify(withWireNames(filter)))
}
