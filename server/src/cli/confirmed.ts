import { CliFailure } from './failure.ts'
import { refuseUsage } from './options.ts'
import type { Session } from './session.ts'

/**
 * Asks a person at a terminal. Nobody else can be asked: a script has to say that it means it.
 *
 * @throws CliFailure when the answer is not yes.
 */
export async function confirmed({ terminal, signal }: Session, question: string): Promise<void> {
  if (terminal.stdin.isTTY !== true || !terminal.isWatched) {
    refuseUsage('Nobody is there to confirm this. Say --yes to do it without a question.')
  }
  // Loaded only here: most runs ask nothing.
  const { confirm } = await import('@clack/prompts')
  const answer = await confirm({ message: question, initialValue: false, output: terminal.stderr as never, signal })
  if (answer !== true) throw new CliFailure('Not confirmed; nothing was changed.')
}
