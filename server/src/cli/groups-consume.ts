import type { Command } from 'commander'
import { consume, type EventStore } from 'varve'
import { type ExitCode, exitCodes, Interrupted } from './failure.ts'
import { examples } from './help.ts'
import { wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printEvent } from './show.ts'

interface ConsumeFlags {
  readonly name?: string
  readonly limit?: number
  readonly full?: boolean
}

/** `varve groups consume`: takes part in a group. */
export function addGroupConsume(groups: Command, run: Run): void {
  const command = groups
    .command('consume')
    .summary('take part in a group: print its events and acknowledge them, until Ctrl-C')
    .description(
      'Takes part in a consumer group. Each event is acknowledged once it is written to standard output: what it is piped ' +
        "into gets it, but may not have handled it. The layout is that of 'varve read'.",
    )
    .argument('<group>')
    .option('--name <name>', 'what this consumer is called (default: varve)')
    .option('--limit <count>', 'end after this many events', wholeNumber)
    .option('--full', 'every field of an event, on lines of its own')
  examples(command, [
    ['varve groups consume mailer', 'until Ctrl-C'],
    ['varve groups consume mailer --limit 1 --json', 'takes one event from the others'],
  ])
  command.action((group: string, flags: ConsumeFlags) =>
    run(command, (session) => consumeUntilEnded(session, group, flags)),
  )
}

async function consumeUntilEnded(session: Session, group: string, flags: ConsumeFlags): Promise<ExitCode | undefined> {
  if (flags.limit === 0) return undefined
  return withStore(session, 'existing', async (store) => {
    try {
      await printDeliveries(session, store, group, flags)
      return undefined
    } catch (error) {
      // Ctrl-C is how it ends.
      if (error instanceof Interrupted) return exitCodes.done
      throw error
    }
  })
}

async function printDeliveries(session: Session, store: EventStore, group: string, flags: ConsumeFlags): Promise<void> {
  const { terminal, signal } = session
  let left = flags.limit ?? Number.POSITIVE_INFINITY
  for await (const delivery of consume(store, group, { name: flags.name ?? 'varve', signal })) {
    await printEvent(session, delivery.event, flags)
    await terminal.flush()
    await delivery.ack()
    if (--left === 0) return
  }
}
