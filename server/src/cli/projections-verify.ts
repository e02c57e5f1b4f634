import type { Command } from 'commander'
import { type Projection, type ReadModelDifference, type Verified, verifyProjection } from 'varve'
import { type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { wholeNumber } from './options.ts'
import { counting } from './progress.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult, tabbed } from './show.ts'
import { loadProjections } from './user-projections.ts'
import { visible } from './visible.ts'

interface VerifyFlags {
  readonly list?: number
}

/** `varve projections verify`: whether a read model is what the log says. */
export function addVerify(projections: Command, run: Run): void {
  const command = projections
    .command('verify')
    .summary('compare a read model with a fresh build of it')
    .description(
      'Builds the read model that readers see anew, where nobody sees it, and compares the two. The projection runs on ' +
        'meanwhile, and is paused for the last stretch and the comparison. Exit code: 0 when they are equal, 5 when not. ' +
        'In a pipe: for each difference difference, name, key, fresh, shown; then equal or differs, name, generation, ' +
        'position, entries, differences, events left out.',
    )
    .argument('<module>', 'a module that exports projections, as in src/projections.ts')
    .argument('[names...]', 'some of them; left out: all')
    .option('--list <count>', 'differences that are printed; all are counted (default: 100)', wholeNumber)
  examples(command, [['varve projections verify src/projections.ts stock', 'after a mistake was mended']])
  command.action((module: string, names: readonly string[], flags: VerifyFlags) =>
    run(command, (session) => verify(session, module, names, flags)),
  )
}

async function verify(
  session: Session,
  module: string,
  names: readonly string[],
  { list }: VerifyFlags,
): Promise<ExitCode | undefined> {
  const { signal } = session
  const projections = await loadProjections(module, names, signal)
  const options = { signal, ...(list !== undefined && { differencesMax: list }) }
  return withStore(session, 'existing', async (store) => {
    let isEqual = true
    for (const projection of projections) {
      const verified = await verifyProjection(store, projection, options)
      for (const difference of verified.listed) await printDifference(session, projection, difference)
      await printVerified(session, projection, verified)
      isEqual = isEqual && verified.differences === 0
    }
    for (const { target } of projections) await target.close()
    return isEqual ? exitCodes.done : exitCodes.damaged
  })
}

async function printDifference(
  { terminal, json }: Session,
  { name }: Projection<unknown>,
  { key, expected, actual }: ReadModelDifference,
): Promise<void> {
  if (json) return terminal.print(JSON.stringify({ name, key, fresh: expected ?? null, shown: actual ?? null }))
  if (!terminal.isRead) return terminal.print(tabbed(['difference', name, key, expected ?? '', actual ?? '']))
  const side = (value: string | undefined): string => (value === undefined ? 'nothing' : visible(value))
  return terminal.print(
    `${terminal.styled('red', '✗')} ${terminal.styled('bold', visible(key))}  shows ${side(actual)}; the log says ${side(expected)}`,
  )
}

async function printVerified(
  session: Session,
  { name }: Projection<unknown>,
  { generation, position, entries, differences, leftOut }: Verified,
): Promise<void> {
  const result = { name, generation, position, entries, differences, left_out: leftOut }
  const aside = leftOut === 0 ? '' : ` ${counting(leftOut)} parked or skipped events were left out of both.`
  const verdict =
    differences === 0
      ? `is what the log says up to position ${position}: ${counting(entries)} entries are equal.`
      : `differs in ${counting(differences)} of ${counting(entries)} entries. Rebuild it: varve projections rebuild ${visible(name)}.`
  const columns = [differences === 0 ? 'equal' : 'differs', name, generation, position, entries, differences, leftOut]
  await printResult(session, result, `${visible(name)} ${verdict}${aside}`, columns)
}
