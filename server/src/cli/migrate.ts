import type { Command } from 'commander'
import {
  openMaintenance,
  openSchemaMaintenance,
  type SchemaMaintenance,
  type StoreLayout,
  type StoreMaintenance,
} from '../open-engine.ts'
import { withoutPassword } from '../store-url.ts'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { refuseUsage, wholeNumber } from './options.ts'
import { counting, createProgress } from './progress.ts'
import type { Run, Session } from './session.ts'
import { printResult, tabbed } from './show.ts'
import { visible } from './visible.ts'

interface MigrateFlags {
  readonly status?: boolean
  readonly up?: boolean
  readonly print?: boolean
  readonly grant?: string
  readonly partitionEvents?: number
}

/** `varve migrate`: the schema of a store in PostgreSQL, or the table of one in DynamoDB. */
export function addMigrate(program: Command, run: Run): void {
  const command = program
    .command('migrate')
    .summary('look after the schema of a store in PostgreSQL, or the table of one in DynamoDB')
    .description(
      'Shows how far the schema of a store in PostgreSQL is, brings it up to date, and gives a role the rights to append ' +
        'and to read. Makes the table of a store in DynamoDB, whose rights are given through IAM. ' +
        'A store in a file needs none of it: it is brought up to date when it is opened. ' +
        'Exit code of --status: 0 when all is up to date, 1 when something is missing.',
    )
    .option('--status', 'print the version of the schema and what is missing (default)')
    .option('--up', 'bring it up to date, or make it; needs the right to create')
    .option(
      '--partition-events <positions>',
      'with --up: put events into parts of so many positions each, for a very large store',
      wholeNumber,
    )
    .option('--print', 'print the SQL of --up, or of --grant, and run nothing')
    .option('--grant <role>', 'give a role what it needs to append and read, and nothing more')
  examples(command, [
    ['varve migrate --store postgres://owner@db/shop', 'how far the schema is'],
    ['varve migrate --up --grant shop_app --store postgres://owner@db/shop', 'make it, for the role shop_app to use'],
    ['varve migrate --up --partition-events 10000000', 'and put events into parts, so that old ones can be archived'],
    ['varve migrate --up --store "dynamodb://shop?region=eu-west-1"', 'make the table of a store in DynamoDB'],
    ['varve migrate --print --store postgres://owner@db/shop | psql shop', 'see or run the SQL yourself'],
  ])
  command.action((flags: MigrateFlags) => run(command, (session) => migrate(session, flags)))
}

async function migrate(session: Session, flags: MigrateFlags): Promise<ExitCode | undefined> {
  const { status = false, up = false, print = false, grant, partitionEvents } = flags
  if (Number(status) + Number(up) + Number(print) > 1) refuseUsage('Give one of --status, --up and --print.')
  if (status && grant !== undefined) refuseUsage('--status changes nothing. Leave it out to --grant.')
  if (partitionEvents !== undefined && !up) refuseUsage('--partition-events goes with --up.')
  if (grant?.trim() === '') refuseUsage('--grant needs the name of a role.')
  session.signal.throwIfAborted()
  await using maintenance = (await openMaintenance(session.storeUrl)) ?? refuseStore(session.storeUrl)
  const needsSchema = print || grant !== undefined || partitionEvents !== undefined
  await using schema = needsSchema
    ? ((await openSchemaMaintenance(session.storeUrl)) ?? refuseTable(session.storeUrl))
    : undefined
  // Awaited here: the connections end with this function.
  if (print && schema !== undefined) return await printScript(session, schema, grant)
  if (up) await bringUp(session, maintenance)
  if (partitionEvents !== undefined && schema !== undefined) await partition(session, schema, partitionEvents)
  if (grant !== undefined && schema !== undefined) await grantTo(session, schema, grant)
  return up || grant !== undefined ? undefined : await tellStatus(session, maintenance)
}

function refuseStore(storeUrl: string): never {
  throw new CliFailure(
    `${withoutPassword(storeUrl)} has no schema to look after: a file is brought up to date when it is opened, and a server looks after its own store. ` +
      'Name a database, as in --store postgres://user@host/database, or a table, as in --store dynamodb://table.',
    exitCodes.usage,
  )
}

function refuseTable(storeUrl: string): never {
  throw new CliFailure(
    `${withoutPassword(storeUrl)} has no SQL, no roles and no parts: give rights to a table through IAM. ` +
      '--print, --grant and --partition-events are for stores in PostgreSQL.',
    exitCodes.usage,
  )
}

async function tellStatus(session: Session, maintenance: StoreMaintenance): Promise<ExitCode | undefined> {
  const { version, newest, missing, layout } = await maintenance.status()
  const state = version === newest ? 'current' : version > newest ? 'too_new' : version === 0 ? 'absent' : 'old'
  const says = {
    current: `The schema is at version ${version}, the newest.`,
    too_new: `The schema is at version ${version}; this varve knows up to ${newest}. Install a newer varve.`,
    absent: "There is no store yet. Make one with 'varve migrate --up'.",
    old: `The schema is at version ${version} of ${newest}. Bring it up to date with 'varve migrate --up'.`,
  }[state]
  await printResult(
    session,
    { state, version, newest, missing, ...(layout !== undefined && { layout: layoutJson(layout) }) },
    says,
    [state, version, newest],
  )
  if (layout !== undefined && !session.json) await tellLayout(session, layout)
  return state === 'current' ? exitCodes.done : exitCodes.failed
}

function layoutJson({ state, positionsPerPart, copiedUntil, archivedUntil, parts }: StoreLayout): object {
  return {
    state,
    positions_per_part: positionsPerPart,
    copied_until: copiedUntil,
    archived_until: archivedUntil,
    parts: parts.map(({ table, firstPosition, lastPosition, state: fate }) => {
      return { table, first_position: firstPosition, last_position: lastPosition, state: fate }
    }),
  }
}

/** Of events in one table there is nothing to tell. */
async function tellLayout({ terminal }: Session, layout: StoreLayout): Promise<void> {
  const { state, positionsPerPart = 0, copiedUntil = 0, archivedUntil, parts } = layout
  if (state === 'one_table') return
  if (!terminal.isRead) {
    for (const { table, firstPosition, lastPosition, state: fate } of parts) {
      await terminal.print(tabbed(['part', firstPosition, lastPosition, state === 'converting' ? state : fate, table]))
    }
    return
  }
  if (state === 'converting') {
    const rest = `Go on with 'varve migrate --up --partition-events ${positionsPerPart}'.`
    return terminal.print(`Events up to position ${counting(copiedUntil)} are copied into parts. ${rest}`)
  }
  await terminal.print(`Events lie in parts of ${counting(positionsPerPart)} positions each:`)
  for (const { table, firstPosition, lastPosition, state: fate } of parts) {
    await terminal.print(`  ${counting(firstPosition)} to ${counting(lastPosition)}  ${fate}  ${table}`)
  }
  if (archivedUntil > 0) await terminal.print(`Reads begin at position ${counting(archivedUntil + 1)}.`)
}

/** Copies while the store is used, and says so, since the end of it is noticed by others. */
async function partition(session: Session, maintenance: SchemaMaintenance, positions: number): Promise<void> {
  const { terminal, signal } = session
  const { layout } = await maintenance.status()
  if (layout?.state !== 'parts') {
    terminal.note(
      'varve: events are copied into parts while the store is in use. At the end their table is locked for a moment: ' +
        'appends and reads wait, three seconds at the most for each try.',
    )
  }
  const progress = createProgress({
    label: 'Copying',
    total: 1,
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
  try {
    await maintenance.partition(positions, {
      onProgress: (copied, events) => progress.update(copied, events === 0 ? 1 : copied / events),
      signal,
    })
  } finally {
    progress.end()
  }
  const { parts = [], positionsPerPart = positions } = (await maintenance.status()).layout ?? {}
  const last = parts.at(-1)?.lastPosition ?? 0
  const says = `Events lie in ${parts.length} parts of ${counting(positionsPerPart)} positions, up to ${counting(last)}.`
  await printResult(session, { parts: parts.length, positions_per_part: positionsPerPart, last_position: last }, says, [
    'parts',
    parts.length,
    positionsPerPart,
    last,
  ])
}

async function bringUp(session: Session, maintenance: StoreMaintenance): Promise<void> {
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
