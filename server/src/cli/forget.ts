import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { type Forgotten, forget, type KeyStore, subjectRef } from 'varve'
import { openKeys } from '../open-engine.ts'
import { withoutPassword } from '../store-url.ts'
import { confirmed } from './confirmed.ts'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface ForgetFlags {
  readonly keys: string
  readonly lostKey?: boolean
  readonly yes?: boolean
}

/** `varve forget`: destroys the keys of a subject, so that nobody can read its personal data any more. */
export function addForget(program: Command, run: Run): void {
  const command = program
    .command('forget')
    .summary('make the personal data of a subject unreadable, for ever')
    .description(
      'Destroys the keys that the personal data of a subject is sealed with, removes snapshots of its streams from the ' +
        'shelf, and appends SubjectForgotten for projections. The log stays as it is. Run it again after it was cut off.',
    )
    .argument('<subject>', "the subject's id, as the event definitions give it")
    .requiredOption(
      '--keys <place>',
      'where the keys are: a directory, or postgres://user@host/database?schema=varve_keys',
    )
    .option('--lost-key', 'forget also a subject whose key is not in the key store')
    .option('--yes', 'do not ask')
  examples(command, [
    ['varve forget customer-0198c6e2 --keys ./keys', 'asks first'],
    ['varve forget customer-0198c6e2 --keys ./keys --yes', 'without a question, for scripts'],
  ])
  command.action((subject: string, flags: ForgetFlags) =>
    run(command, (session) => forgetSubject(session, subject, flags)),
  )
}

async function forgetSubject(session: Session, subject: string, flags: ForgetFlags): Promise<ExitCode | undefined> {
  // A wrong id is refused before anybody is asked about it.
  subjectRef(subject)
  await using keys = await keysAt(flags.keys)
  if (flags.yes !== true) {
    await confirmed(session, `Destroy the keys of ${visible(subject)}? Nothing takes this back.`)
  }
  const forgotten = await withStore(session, 'existing', (store) =>
    forget(store, { keys, subject }, { signal: session.signal, lostKey: flags.lostKey === true ? 'accept' : 'refuse' }),
  )
  return tell(session, subject, forgotten)
}

async function tell(session: Session, subject: string, forgotten: Forgotten): Promise<ExitCode | undefined> {
  const { subject: ref, status, events, streams, position } = forgotten
  if (status === 'unknown') {
    session.terminal.note(`No key and no event is of ${visible(subject)}; nothing was changed. Check the id.`)
    return exitCodes.failed
  }
  const forPerson =
    `${visible(subject)} is forgotten: ${events} events in ${streams.length} streams show placeholders now. ` +
    'Read models follow when they handle SubjectForgotten, or are rebuilt.'
  await printResult(session, { subject: ref, status, events, streams, position }, forPerson, [
    ref,
    status,
    events,
    streams.length,
  ])
  return undefined
}

/** A mistyped directory holds no keys, and must not look like a subject that has none. */
async function keysAt(place: string): Promise<KeyStore> {
  const isDatabase = /^postgres(?:ql)?:/i.test(place)
  if (!isDatabase && statSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CliFailure(`There is no directory of keys at ${visible(withoutPassword(place))}. Check --keys.`)
  }
  return openKeys(place)
}
