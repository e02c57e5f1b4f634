import type { Command } from 'commander'
import { openSchemaMaintenance, type SchemaMaintenance, type StorePart, schemaOf } from '../open-engine.ts'
import { withoutPassword } from '../store-url.ts'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { refuseUsage, wholeNumber } from './options.ts'
import { counting } from './progress.ts'
import type { Run, Session } from './session.ts'
import { tabbed } from './show.ts'
import { visible } from './visible.ts'

interface ArchiveFlags {
  readonly before?: number
  readonly attachFrom?: number
}

/** `varve archive`: parts of the log leave the store, and come back. */
export function addArchive(program: Command, run: Run): void {
  const command = program
    .command('archive')
    .summary('detach the oldest parts of a log in PostgreSQL, or attach them again')
    .description(
      'Detaches every part of the log below a position, which has to be the first one of a part. Nothing is removed: the ' +
        'tables stay until you drop them. Reads that need their events are refused with EVENTS_ARCHIVED from then on, ' +
        'until they are attached again. Needs events in parts: varve migrate --up --partition-events.',
    )
    .option('--before <position>', 'detach what lies below this position', wholeNumber)
    .option('--attach-from <position>', 'attach what is archived from this position on', wholeNumber)
  examples(command, [
    ['varve migrate --status --store postgres://owner@db/shop', 'where parts begin'],
    ['varve archive --before 20000001 --store postgres://owner@db/shop', 'detach positions 1 to 20,000,000'],
    ['varve archive --attach-from 10000001 --store postgres://owner@db/shop', 'read from 10,000,001 on again'],
  ])
  command.action((flags: ArchiveFlags) => run(command, (session) => archive(session, flags)))
}

async function archive(session: Session, { before, attachFrom }: ArchiveFlags): Promise<ExitCode | undefined> {
  if ((before === undefined) === (attachFrom === undefined)) refuseUsage('Give one of --before and --attach-from.')
  session.signal.throwIfAborted()
  await using maintenance = (await openSchemaMaintenance(session.storeUrl)) ?? refuseStore(session.storeUrl)
  if (before !== undefined) await tellDetached(session, await maintenance.archive(before), maintenance)
  else await tellAttached(session, await maintenance.attach(attachFrom ?? 1))
  return undefined
}

function refuseStore(storeUrl: string): never {
  throw new CliFailure(
    `${withoutPassword(storeUrl)} has no parts to archive: only a log in PostgreSQL has, and a server leaves it to its owner. ` +
      'Name a database, as in --store postgres://user@host/database.',
    exitCodes.usage,
  )
}

async function tellDetached(
  session: Session,
  parts: readonly StorePart[],
  maintenance: SchemaMaintenance,
): Promise<void> {
  const archivedUntil = (await maintenance.status()).layout?.archivedUntil ?? 0
  const schema = schemaOf(session.storeUrl)
  if (await tellParts(session, 'archived', parts)) return
  const { terminal } = session
  const now = `Positions 1 to ${counting(archivedUntil)} are archived.`
  if (parts.length === 0) return terminal.print(`Nothing to detach. ${now}`)
  await terminal.print(`Detached ${counting(parts.length)} parts. ${now} Their tables are still in the database:`)
  for (const { table } of parts) await terminal.print(`  ${visible(`${schema}.${table}`)}`)
  const tables = parts.map(({ table }) => `--table '${JSON.stringify(schema)}.${table}'`).join(' ')
  await terminal.print('To move them elsewhere, and only then to drop them:')
  await terminal.print(
    visible(`  pg_dump --format custom --file varve-until-${archivedUntil}.dump ${tables} "$OWNER_URL"`),
  )
  await terminal.print(
    visible(`  drop table ${parts.map(({ table }) => `${JSON.stringify(schema)}.${table}`).join(', ')};`),
  )
}

async function tellAttached(session: Session, parts: readonly StorePart[]): Promise<void> {
  if (await tellParts(session, 'attached', parts)) return
  const [first] = parts
  const says =
    first === undefined
      ? 'Nothing to attach.'
      : `Attached ${counting(parts.length)} parts. Reads may begin at position ${counting(first.firstPosition)} again.`
  await session.terminal.print(says)
}

/** A line for each part where no person reads; false where one does. */
async function tellParts({ terminal, json }: Session, state: string, parts: readonly StorePart[]): Promise<boolean> {
  if (!json && terminal.isRead) return false
  for (const { table, firstPosition, lastPosition } of parts) {
    const line = { state, table, first_position: firstPosition, last_position: lastPosition }
    await terminal.print(json ? JSON.stringify(line) : tabbed([state, firstPosition, lastPosition, table]))
  }
  return true
}
