import type { Command } from 'commander'
import type { EventStore } from 'varve'
import { openMaintenance } from '../open-engine.ts'
import { withoutPassword } from '../store-url.ts'
import { eventsBetween } from './events-between.ts'
import { examineFile } from './examine-file.ts'
import { examineIndexes } from './examine-indexes.ts'
import { examineLog } from './examine-log.ts'
import { type ExitCode, exitCodes } from './failure.ts'
import { damage, type Finding, ok, warning } from './finding.ts'
import { examples } from './help.ts'
import { createProgress } from './progress.ts'
import { filePathOf, type Run, refuseUnfitStore, type Session, withStore } from './session.ts'
import { tabbed } from './show.ts'
import { visible } from './visible.ts'

/** `varve doctor`: whether a store is sound. */
export function addDoctor(program: Command, run: Run, version: string): void {
  const command = program
    .command('doctor')
    .summary('check a store from end to end')
    .description(
      'Reads the whole store and checks that positions and versions have no holes, that no event id occurs twice, and ' +
        'that what the store finds through its indexes is what lies in the log; of a file also the pages and the disk, ' +
        'of a database whether its tables agree. ' +
        'Appends nothing. Exit code 0: all is well; 1: something deserves a look; 5: the store is damaged.',
    )
  examples(command, [
    ['varve doctor --store sqlite:shop.db', 'a file'],
    ['varve doctor --store postgres://user@host/database', 'a database'],
    ['varve doctor --store http://127.0.0.1:2113', 'a server, through its API'],
    [`varve doctor --json | jq 'select(.state != "ok")'`, 'only what was found'],
  ])
  command.action(() => run(command, (session) => examine(session, version)))
}

async function examine(session: Session, version: string): Promise<ExitCode | undefined> {
  const path = filePathOf(session.storeUrl)
  refuseUnfitStore(session.storeUrl, 'existing')
  const states: Finding['state'][] = []
  const tell = async (findings: readonly Finding[]): Promise<void> => {
    for (const finding of findings) {
      states.push(finding.state)
      await tellOne(session, finding)
    }
  }
  await tell([versions(version)])
  if (path !== undefined) await tell(await examineFile(path))
  await tell(await examineTables(session))
  await withStore(session, 'existing', async (store) => {
    await tell([durability(session, store)])
    const { census, findings } = await scan(session, store)
    await tell(findings)
    await tell(await examineIndexes(store, census, session.signal))
  })
  return conclude(session, states)
}

/** Of a store in a database: whether its tables agree, and what its settings are. */
async function examineTables({ storeUrl, signal }: Session): Promise<readonly Finding[]> {
  await using maintenance = await openMaintenance(storeUrl)
  signal.throwIfAborted()
  const found = (await maintenance?.inspect()) ?? []
  return found.map(({ check, state, says }) => {
    if (state === 'ok') return ok(check, says)
    if (state === 'damaged') return damage(check, says)
    return warning(check, says, `Nothing is lost. ${adviceOn(check, storeUrl)}`)
  })
}

function adviceOn(check: string, storeUrl: string): string {
  if (storeUrl.startsWith('dynamodb')) return 'Switch the protection on again in the settings of the table.'
  if (check === 'rights')
    return "Run 'varve migrate --grant' as the owner, for the role that appends: it takes that back."
  return "Run 'varve migrate --up' as the owner, and switch triggers on again."
}

function versions(version: string): Finding {
  const { node, sqlite } = process.versions
  return ok(
    'versions',
    `varve ${version}, Node ${node}, SQLite ${sqlite ?? 'not built in'}, ${process.platform} ${process.arch}`,
  )
}

function durability({ storeUrl }: Session, { capabilities }: EventStore): Finding {
  const { engine, durable } = capabilities
  if (durable) return ok('durability', `${engine}: appends are on disk before they are acknowledged`)
  return warning(
    'durability',
    `${engine}: ${withoutPassword(storeUrl)} keeps nothing when its process ends`,
    'Use a file, as in sqlite:shop.db, for anything that has to stay.',
  )
}

async function scan(session: Session, store: EventStore): ReturnType<typeof examineLog> {
  const { terminal, signal } = session
  const heads = await store.heads({ signal })
  const progress = createProgress({
    label: 'Reading the log',
    total: eventsBetween(
      heads.map(() => 0),
      heads,
    ),
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
  const onEvent = (events: number, position: number): void =>
    progress.update(events, heads.length === 1 ? position : events)
  try {
    return await examineLog(store, { signal, onEvent })
  } finally {
    progress.end()
  }
}

async function tellOne({ terminal, json }: Session, finding: Finding): Promise<void> {
  const { check, state, says, advice = '' } = finding
  if (json) return terminal.print(JSON.stringify(finding))
  if (!terminal.isRead) return terminal.print(tabbed([state, check, says, advice]))
  const look = { ok: 'green', warning: 'yellow', damaged: 'red' } as const
  const mark = { ok: '✓', warning: '!', damaged: '✗' }[state]
  await terminal.print(`${terminal.styled(look[state], mark)} ${check.padEnd(15)} ${visible(says)}`)
  if (advice !== '') await terminal.print(`  ${' '.repeat(15)} ${terminal.styled('bold', advice)}`)
}

async function conclude({ terminal, json, storeUrl }: Session, states: readonly Finding['state'][]): Promise<ExitCode> {
  const exitCode = states.includes('damaged')
    ? exitCodes.damaged
    : states.includes('warning')
      ? exitCodes.failed
      : exitCodes.done
  const name = withoutPassword(storeUrl)
  const says = {
    [exitCodes.damaged]: `${name} is damaged.`,
    [exitCodes.failed]: `${name} is sound; see what is marked.`,
    [exitCodes.done]: `${name} is sound.`,
  }[exitCode]
  if (!json && terminal.isRead) await terminal.print(says)
  return exitCode
}
