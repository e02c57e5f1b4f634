import type { Command } from 'commander'
import { openMaintenance, type SchemaMaintenance } from '../open-engine.ts'
import { withoutPassword } from '../store-url.ts'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { refuseUsage } from './options.ts'
import type { Run, Session } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface MigrateFlags {
  readonly status?: boolean
  readonly up?: boolean
  readonly print?: boolean
  readonly grant?: string
}

/** `varve migrate`: the schema of a store in PostgreSQL. */
export function addMigrate(program: Command, run: Run): void {
  const command = program
    .command('migrate')
    .summary('look after the schema of a store in PostgreSQL')
    .description(
      'Shows how far the schema of a store in PostgreSQL is, brings it up to date, and gives a role the rights to append ' +
        'and to read. A store in a file needs none of it: it is brought up to date when it is opened. ' +
        'Exit code of --status: 0 when the schema is up to date, 1 when something is missing.',
    )
    .option('--status', 'print the version of the schema and what is missing (default)')
    .option('--up', 'bring it up to date, or make it; needs the right to create')
    .option('--print', 'print the SQL of --up, or of --grant, and run nothing')
    .option('--grant <role>', 'give a role what it needs to append and read, and nothing more')
  examples(command, [
    ['varve migrate --store postgres://owner@db/shop', 'how far the schema is'],
    ['varve migrate --up --grant shop_app --store postgres://owner@db/shop', 'make it, for the role shop_app to use'],
    ['varve migrate --print --store postgres://owner@db/shop | psql shop', 'see or run the SQL yourself'],
  ])
  command.action((flags: MigrateFlags) => run(command, (session) => migrate(session, flags)))
}

async function migrate(session: Session, flags: MigrateFlags): Promise<ExitCode | undefined> {
  const { status = false, up = false, print = false, grant } = flags
  if (Number(status) + Number(up) + Number(print) > 1) refuseUsage('Give one of --status, --up and --print.')
  if (status && grant !== undefined) refuseUsage('--status changes nothing. Leave it out to --grant.')
  if (grant?.trim() === '') refuseUsage('--grant needs the name of a role.')
  session.signal.throwIfAborted()
  await using maintenance = openMaintenance(session.storeUrl) ?? refuseStore(session.storeUrl)
  // Awaited here: the connections end with this function.
  if (print) return await printScript(session, maintenance, grant)
  if (up) await bringUp(session, maintenance)
  if (grant !== undefined) await grantTo(session, maintenance, grant)
  return up || grant !== undefined ? undefined : await tellStatus(session, maintenance)
}

function refuseStore(storeUrl: string): never {
  throw new CliFailure(
    `${withoutPassword(storeUrl)} has no schema to look after: a file is brought up to date when it is opened, and a server looks after its own store. ` +
      'Name a database, as in --store postgres://user@host/database.',
    exitCodes.usage,
  )
}

async function tellStatus(session: Session, maintenance: SchemaMaintenance): Promise<ExitCode | undefined> {
  const { version, newest, missing } = await maintenance.status()
  const state = version === newest ? 'current' : version > newest ? 'too_new' : version === 0 ? 'absent' : 'old'
  const says = {
    current: `The schema is at version ${version}, the newest.`,
    too_new: `The schema is at version ${version}; this varve knows up to ${newest}. Install a newer varve.`,
    absent: "There is no store yet. Make one with 'varve migrate --up'.",
    old: `The schema is at version ${version} of ${newest}. Bring it up to date with 'varve migrate --up'.`,
  }[state]
  await printResult(session, { state, version, newest, missing }, says, [state, version, newest])
  return state === 'current' ? exitCodes.done : exitCodes.failed
}

async function bringUp(session: Session, maintenance: SchemaMaintenance): Promise<void> {
  const applied = await maintenance.up()
  const { version } = await maintenance.status()
  const steps = applied.map((step) => `${step.version} (${step.name})`).join(', ')
  const says =
    applied.length === 0
      ? `The schema was at version ${version} already.`
      : `The schema is up to date. Applied: ${steps}.`
  await printResult(session, { version, applied }, says, ['up', version, applied.length])
}

async function grantTo(session: Session, maintenance: SchemaMaintenance, role: string): Promise<void> {
  await maintenance.grant(role)
  await printResult(session, { granted: role }, `${visible(role)} may append and read.`, ['granted', role])
}

async function printScript(
  { terminal, json }: Session,
  maintenance: SchemaMaintenance,
  role: string | undefined,
): Promise<undefined> {
  const sql = role === undefined ? await maintenance.script() : maintenance.grantScript(role)
  if (json) await terminal.print(JSON.stringify({ sql }))
  else if (sql !== '') await terminal.print(sql.trimEnd())
  return undefined
}
