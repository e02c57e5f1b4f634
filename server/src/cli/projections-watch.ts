import { type ProjectionStatus, systemClock } from 'varve'
import { CliFailure, type ExitCode, exitCodes, Interrupted } from './failure.ts'
import { createProgress } from './progress.ts'
import { printStatuses } from './projections-show.ts'
import type { Session } from './session.ts'

/** Between two looks, in milliseconds. */
const lookMs = 1_000
const buildLookMs = 250

/** Looks after which a generation that has caught up and is not shown waits for somebody to say so: two seconds. */
const patientLooks = 8

/** Prints statuses again and again until Ctrl-C; on a terminal each time over those before. */
export async function watched(
  session: Session,
  look: () => Promise<readonly ProjectionStatus[]>,
): Promise<ExitCode | undefined> {
  const { terminal, json, signal } = session
  for (;;) {
    const statuses = await look()
    // Up to the first line, and away with what was below.
    if (terminal.isRead && !json) await terminal.print('\u001b[H\u001b[2J')
    await printStatuses(session, statuses)
    await terminal.flush()
    await systemClock.sleep(lookMs, signal)
    // Ctrl-C is how this ends.
    if (signal.reason instanceof Interrupted) return exitCodes.done
    signal.throwIfAborted()
  }
}

/** A generation that is being built, and how to look at it. */
export interface Build {
  readonly generation: number
  readonly look: () => Promise<ProjectionStatus>
}

/** Waits until a generation has caught up, or is shown, and draws how far it is. */
export async function untilBuilt(
  { terminal, signal }: Session,
  { generation, look }: Build,
): Promise<ExitCode | undefined> {
  const first = await look()
  const progress = createProgress({
    label: `Building generation ${generation}`,
    counted: 'positions',
    total: first.position + first.lagEvents,
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
  let caughtUpLooks = 0
  try {
    for (let status = first; ; status = await look()) {
      signal.throwIfAborted()
      const found = status.generations.find((one) => one.generation === generation)
      if (found === undefined || found.role === 'retired') {
        throw new CliFailure(`Generation ${generation} was retired before it had caught up.`)
      }
      progress.update(found.position, found.position)
      if (found.role === 'published') return note(`Readers see generation ${generation}.`)
      if (found.state === 'failed') throw new CliFailure(failureOf(found))
      if ((found.state === 'live' || found.state === 'parked') && ++caughtUpLooks > patientLooks) {
        return note(`Generation ${generation} has caught up; readers see it once it is swapped in.`)
      }
      await systemClock.sleep(buildLookMs, signal)
    }
  } finally {
    progress.end()
  }

  function note(says: string): ExitCode {
    terminal.note(says)
    return exitCodes.done
  }
}

function failureOf({ generation, partitions }: ProjectionStatus['generations'][number]): string {
  const { failure } = partitions.find(({ state }) => state === 'failed') ?? {}
  const where = failure?.event === undefined ? '' : ` at event ${failure.event.position}`
  return `Generation ${generation} failed${where}: ${failure?.reason ?? 'see its status'}`
}
