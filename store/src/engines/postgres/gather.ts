import type { Clock } from '../../engine/clock.ts'

/**
 * Reads that come at the same time go together, as appends do:
 *
 * asked > the turn of the event loop ends > fewer statements under way than lanes: what came goes, up to a bound in one
 *                                         > otherwise it waits, and goes when one is back with what came meanwhile
 *
 * Commands that were committed together read together next: that is what a turn is waited for.
 * Invariant: a statement begins after each read in it was asked for, so that everybody reads what he has written.
 */

/** How something is asked for. */
export interface Ways<Asked, Answer> {
  readonly one: (asked: Asked) => Promise<Answer>
  /** Answers in the order of what is asked, undefined where it has to be asked for alone. */
  readonly many: (asked: readonly Asked[]) => Promise<readonly (Answer | undefined)[]>
  /** How many may go together now; fewer than two when nobody had better wait. */
  readonly most: () => number
}

/** Statements under way before a read waits for one: a few, so that what has to go to the disk holds up few others. */
const lanes = 4

interface Waiting<Asked, Answer> {
  readonly asked: Asked
  readonly resolve: (answer: Answer | Promise<Answer>) => void
}

/** Asks alone or together, whichever is quicker. */
export function createGathering<Asked, Answer>(
  { turn }: Pick<Clock, 'turn'>,
  ways: Ways<Asked, Answer>,
): (asked: Asked) => Promise<Answer> {
  const waiting: Waiting<Asked, Answer>[] = []
  let underWay = 0

  /** Resolves when all have their answers: each hears of its own failure. */
  async function together(taken: readonly Waiting<Asked, Answer>[]): Promise<void> {
    // What is wrong with one must not fail the others.
    const answers = await ways.many(taken.map(({ asked }) => asked)).catch(() => [])
    const unanswered = taken.flatMap((one, index) => {
      const found = answers[index]
      if (found === undefined) return [alone(one)]
      one.resolve(found)
      return []
    })
    await Promise.all(unanswered)
  }

  function alone({ asked, resolve }: Waiting<Asked, Answer>): Promise<void> {
    const answer = ways.one(asked)
    resolve(answer)
    return answer.then(ignore, ignore)
  }

  function begin(): void {
    while (waiting.length > 0 && underWay < lanes) {
      const taken = waiting.splice(0, Math.max(ways.most(), 1))
      const [first] = taken
      underWay++
      void (first !== undefined && taken.length === 1 ? alone(first) : together(taken)).then(() => {
        underWay--
        begin()
      })
    }
  }

  return (asked) => {
    if (ways.most() < 2) return ways.one(asked)
    return new Promise((resolve) => {
      waiting.push({ asked, resolve })
      if (waiting.length === 1) void turn().then(begin)
    })
  }
}

function ignore(): void {}
