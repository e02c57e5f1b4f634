import type { Command } from 'commander'
import type { TracedEvent } from 'varve'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printEvent } from './show.ts'
import { visible } from './visible.ts'

interface TraceFlags {
  readonly limit?: number
  readonly tree?: boolean
}

/** `varve trace`: what a request led to. */
export function addTrace(program: Command, run: Run): void {
  const command = program
    .command('trace')
    .summary('print what a request led to, across streams')
    .description(
      'Prints every event that carries a correlation id. On a terminal as a tree, each event under the one that caused ' +
        'it; in a pipe, and with --json, one JSON envelope per line, in order of the log.',
    )
    .argument('<correlation-id>', 'the id in the metadata of the events, or the id of the event that began it')
    .option('--limit <count>', 'events at the most', wholeNumber)
    .option('--tree', 'as a tree, whoever reads')
  examples(command, [
    ['varve trace req-42', 'what request 42 led to'],
    ['varve trace req-42 --json | jq -r .stream_id | sort -u', 'the streams it wrote to'],
  ])
  command.action((correlationId: string, flags: TraceFlags) =>
    run(command, (session) => printTrace(session, correlationId, flags)),
  )
}

async function printTrace(
  session: Session,
  correlationId: string,
  { limit, tree = false }: TraceFlags,
): Promise<ExitCode | undefined> {
  const { terminal, json, signal } = session
  return withStore(session, 'existing', async (store) => {
    const found = await store.trace(correlationId, { signal, ...(limit !== undefined && { limit }) })
    if (tree || (terminal.isRead && !json)) await printEffects(session, found.roots, '')
    else for (const event of found.events) await printEvent(session, event)
    if (found.events.length === 0) terminal.note(`No event carries ${JSON.stringify(correlationId)}.`)
    if (!found.complete) terminal.note(`There are more than these ${found.events.length} events: raise --limit.`)
    return undefined
  })
}

async function printEffects(session: Session, effects: readonly TracedEvent[], indent: string): Promise<void> {
  const { terminal } = session
  for (const [index, { event, effects: next }] of effects.entries()) {
    const isLast = index === effects.length - 1
    const isRoot = indent === ''
    const branch = isRoot ? '' : isLast ? '└─ ' : '├─ '
    const place = `${visible(event.streamId)}@${event.version}`
    await terminal.print(
      [
        indent + branch + terminal.styled('bold', visible(event.type)),
        terminal.styled('cyan', place),
        terminal.styled('dim', `#${event.position}`),
      ].join('  '),
    )
    // Roots stand at the edge; a level that goes on below has a line drawn past its children.
    await printEffects(session, next, isRoot ? ' ' : `${indent}${isLast ? '   ' : '│  '}`)
  }
}
