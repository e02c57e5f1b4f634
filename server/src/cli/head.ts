import type { Command } from 'commander'
import { examples } from './help.ts'
import { type Run, withStore } from './session.ts'
import { printResult } from './show.ts'

/** `varve head`: where the log ends. */
export function addHead(program: Command, run: Run): void {
  const command = program
    .command('head')
    .summary('print the position of the last event')
    .description(
      'Prints the position of the last event, 0 when the store is empty; that of each log shard where there are several.',
    )
  examples(command, [['varve head --store http://127.0.0.1:2113', 'how far a server is']])
  command.action(() =>
    run(command, async (session) => {
      const heads = await withStore(session, 'existing', (store) => store.heads({ signal: session.signal }))
      const head = Math.max(...heads)
      await printResult(session, heads.length === 1 ? { head } : { head, heads }, heads.join(' '), heads)
      return undefined
    }),
  )
}
