/** Requests to the server, whose unexpected answers are errors of ours. */
import type { Clock } from '../../../engine/clock.ts'
import { StoreClosed } from '../../../model/errors.ts'
import { persistently } from '../persistently.ts'
import type { Answer, Exchange, Request } from './client.ts'
import { noAnswer, noJson, unexpected } from './errors.ts'

/** Sends a request; 2xx and the statuses named are answers, everything else is thrown. */
export type Ask = (request: Request, ...expected: readonly number[]) => Promise<Answer>

/** The way to the server. */
export interface Link {
  readonly ask: Ask
  /** Asks again, for some seconds, while the server is away: for what may be repeated. */
  readonly askAgain: Ask
  /** Runs what may be repeated again, for some seconds, while it says TARGET_UNAVAILABLE. */
  readonly persistently: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** From here on nothing is sent. */
  close(): void
}

/** Over any exchange. */
export function createLink(exchange: Exchange, clock: Clock, random: () => number): Link {
  let isClosed = false

  const ask: Ask = async (request, ...expected) => {
    if (isClosed) throw new StoreClosed('The target')
    const answer = await exchange(request).catch((error: unknown) => {
      throw noAnswer(error)
    })
    const isExpected = (answer.status >= 200 && answer.status < 300) || expected.includes(answer.status)
    if (!isExpected) throw unexpected(answer)
    // A page of something in between says nothing of what is there and what is not.
    const tells = answer.status < 300 || answer.status === 404
    if (tells && (typeof answer.body !== 'object' || answer.body === null)) throw noJson(answer)
    return answer
  }

  return {
    ask,
    askAgain: (request, ...expected) => persistently(() => ask(request, ...expected), clock, random),
    persistently: (work) => persistently(work, clock, random),
    close: () => {
      isClosed = true
    },
  }
}
