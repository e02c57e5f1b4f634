import type { Command } from 'commander'
import { examples } from './help.ts'
import { type Run, withStore } from './session.ts'
import { printResult } from './show.ts'

/** `varve head`: where the log ends. */
export function addHead(program: Command, run: Run): void {
  const command = program
    .command('head')
    .summary('print the position of the last event')
    .description('Prints the position of the last event, 0 when the store is empty.')
  examples(command, [['varve head --store http://127.0.0.1:2113', 'how far a server is']])
  command.action(() =>
    run(command, async (session) => {
      const head = await withStore(session, 'existing', (store) => store.head({ signal: session.signal }))
      await printResult(session, { head }, String(head), [head])
      return undefined
    }),
  )
}
