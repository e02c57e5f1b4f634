import type { Command } from 'commander'
import type { Changed, EventStore, ExpectedVersion } from 'varve'
import { confirmed } from './confirmed.ts'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { expectedVersion, wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface CloseFlags {
  readonly expected?: ExpectedVersion
  readonly yes?: boolean
}

interface Change {
  readonly stream: string
  /** What will be so, as a question asks it. */
  readonly question: string
  readonly done: string
  readonly apply: (store: EventStore) => Promise<Changed>
}

/** `varve truncate`, `varve delete` and `varve tombstone`: each hides events by appending a fact. */
export function addCloseStream(program: Command, run: Run): void {
  addTruncate(program, run)
  addDelete(program, run)
  addTombstone(program, run)
}

function addTruncate(program: Command, run: Run): void {
  const command = program
    .command('truncate')
    .summary('hide the first events of a stream')
    .description('Hides the events before a version from reads of the stream. They stay in the log.')
    .argument('<stream>', 'the stream')
    .argument('<before>', 'the first version that stays visible', wholeNumber)
    .option('--yes', 'do not ask')
  examples(command, [['varve truncate Order-7 100 --yes', 'reads of Order-7 begin at version 100']])
  command.action((stream: string, before: number, flags: CloseFlags) =>
    run(command, (session) =>
      change(session, flags, {
        stream,
        question: `Hide the events of ${visible(stream)} before version ${before}?`,
        done: `${visible(stream)} begins at version ${before} now`,
        apply: (store) => store.truncateBefore(stream, before, { signal: session.signal }),
      }),
    ),
  )
}

function addDelete(program: Command, run: Run): void {
  const command = closing(
    program,
    'delete',
    'hide all events of a stream',
    'Hides all events the stream has now. They stay in the log, and the stream may be written again.',
  )
  examples(command, [['varve delete Order-7 --expected 3 --yes', 'only if nothing came after version 3']])
  command.action((stream: string, flags: CloseFlags) =>
    run(command, (session) =>
      change(session, flags, {
        stream,
        question: `Delete ${visible(stream)}? Its events are hidden; it may be written again.`,
        done: `${visible(stream)} is deleted`,
        apply: (store) => store.deleteStream(stream, changeOptions(session, flags)),
      }),
    ),
  )
}

function addTombstone(program: Command, run: Run): void {
  const command = closing(
    program,
    'tombstone',
    'close a stream for ever',
    'Hides all events of a stream and refuses every later append to it. They stay in the log. Nothing takes this back.',
  )
  examples(command, [['varve tombstone Order-7 --yes', 'without a question, for scripts']])
  command.action((stream: string, flags: CloseFlags) =>
    run(command, (session) =>
      change(session, flags, {
        stream,
        question: `Close ${visible(stream)} for ever? Nothing takes this back.`,
        done: `${visible(stream)} is closed for ever`,
        apply: (store) => store.tombstone(stream, changeOptions(session, flags)),
      }),
    ),
  )
}

function closing(program: Command, name: string, summary: string, description: string): Command {
  return program
    .command(name)
    .summary(summary)
    .description(description)
    .argument('<stream>', 'the stream')
    .option('--expected <version>', 'the version the stream must be at', expectedVersion)
    .option('--yes', 'do not ask')
}

function changeOptions(
  { signal }: Session,
  { expected }: CloseFlags,
): {
  readonly signal: AbortSignal
  readonly expectedVersion?: ExpectedVersion
} {
  return { signal, ...(expected !== undefined && { expectedVersion: expected }) }
}

async function change(session: Session, flags: CloseFlags, wanted: Change): Promise<ExitCode | undefined> {
  const { stream, question, done, apply } = wanted
  if (flags.yes !== true) await confirmed(session, question)
  const { position, changed } = await withStore(session, 'existing', apply)
  const forPerson = changed
    ? `${done}, position ${position}.`
    : `${visible(stream)} was so already; nothing was appended.`
  await printResult(session, { stream_id: stream, position, changed }, forPerson, [
    stream,
    position,
    changed ? 'changed' : 'unchanged',
  ])
  return undefined
}
