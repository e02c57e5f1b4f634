import { type Command, InvalidArgumentError } from 'commander'
import { discardParked, type ParkedChoice, parkedEvents, replayParked } from 'varve'
import { withWireNames } from '../wire-names.ts'
import { confirmed } from './confirmed.ts'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { refuseUsage, wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface ListFlags {
  readonly after?: number
  readonly limit?: number
}

interface ChoiceFlags {
  readonly all?: boolean
  readonly count?: number
  readonly yes?: boolean
}

/** `varve groups parked`, `replay` and `discard`. */
export function addGroupParked(groups: Command, run: Run): void {
  addParked(groups, run)
  addReplay(groups, run)
  addDiscard(groups, run)
}

function addParked(groups: Command, run: Run): void {
  const command = groups
    .command('parked')
    .summary('list the events that a group has put aside, and why')
    .description(
      'Lists parked events by position. In a pipe: position, stream, type, failed attempts, when, reason, event id, ' +
        'separated by tabs.',
    )
    .argument('<group>')
    .option('--after <position>', 'begin behind this position', wholeNumber)
    .option('--limit <count>', 'events at the most', wholeNumber)
  examples(command, [
    ['varve groups parked mailer', 'all of them'],
    ['varve groups parked mailer | wc -l', 'how many, for --count'],
  ])
  command.action((group: string, flags: ListFlags) =>
    run(command, (session) =>
      withStore(session, 'existing', async (store) => {
        for await (const parked of parkedEvents(store, group, { ...flags, signal: session.signal })) {
          const { position, streamId, eventType, attempts, parkedAt, reason, eventId } = parked
          const what = `${visible(streamId)}  ${session.terminal.styled('bold', visible(eventType))}`
          const forPerson = `${String(position).padStart(7)}  ${parkedAt}  ${what}  ${attempts} attempts: ${visible(reason) || 'no reason given'}`
          const columns = [position, streamId, eventType, attempts, parkedAt, reason, eventId]
          await printResult(session, withWireNames(parked) as object, forPerson, columns)
        }
        return undefined
      }),
    ),
  )
}

function addReplay(groups: Command, run: Run): void {
  const command = groups
    .command('replay')
    .summary('deliver parked events again')
    .description('Delivers parked events again, with all their attempts, as soon as consumers have room for them.')
  addChoice(command)
  examples(command, [
    ['varve groups replay mailer 17 23', 'two of them'],
    ['varve groups replay mailer --all --count 12', 'all, if they are 12'],
  ])
  command.action((group: string, positions: readonly number[], flags: ChoiceFlags) =>
    run(command, (session) => replay(session, group, choiceFrom(positions, flags))),
  )
}

async function replay(session: Session, group: string, choice: ParkedChoice): Promise<ExitCode | undefined> {
  return withStore(session, 'existing', async (store) => {
    const { count } = await replayParked(store, group, choice)
    const forPerson = `${count} parked events of ${visible(group)} are delivered again.`
    await printResult(session, { group, count }, forPerson, [group, count])
    return undefined
  })
}

function addDiscard(groups: Command, run: Run): void {
  const command = groups
    .command('discard')
    .summary('throw parked events away')
    .description('Throws parked events away: nobody gets them any more. The events themselves stay in the log.')
    .option('--yes', 'do not ask')
  addChoice(command)
  examples(command, [['varve groups discard mailer --all --count 12 --yes', 'all, if they are 12']])
  command.action((group: string, positions: readonly number[], flags: ChoiceFlags) =>
    run(command, (session) => discard(session, group, choiceFrom(positions, flags), flags)),
  )
}

async function discard(
  session: Session,
  group: string,
  choice: ParkedChoice,
  flags: ChoiceFlags,
): Promise<ExitCode | undefined> {
  const { positions } = choice
  const which = positions === 'all' ? `all ${choice.expectedCount}` : String(positions.length)
  if (flags.yes !== true) await confirmed(session, `Throw away ${which} parked events of ${visible(group)}?`)
  return withStore(session, 'existing', async (store) => {
    const { count } = await discardParked(store, group, choice)
    const forPerson = `${count} parked events of ${visible(group)} are thrown away.`
    await printResult(session, { group, count }, forPerson, [group, count])
    return undefined
  })
}

function addChoice(command: Command): void {
  command
    .argument('<group>')
    .argument('[positions...]', 'of parked events', positionsFrom)
    .option('--all', 'all of them; goes with --count')
    .option('--count <count>', 'how many they have to be: nothing is done if they are not', wholeNumber)
}

function positionsFrom(text: string, earlier: readonly number[] | undefined): readonly number[] {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Give a position from 1 on.')
  return [...(earlier ?? []), wholeNumber(text)]
}

function choiceFrom(positions: readonly number[] = [], { all, count }: ChoiceFlags): ParkedChoice {
  if ((all === true) === positions.length > 0) refuseUsage('Name the positions of parked events, or say --all.')
  if (all !== true) return { positions, ...(count !== undefined && { expectedCount: count }) }
  if (count === undefined) refuseUsage('With --all, say with --count how many events you take to be parked.')
  return { positions: 'all', expectedCount: count }
}
