/** Scripts and commands to one target's server, over a client of the user's or a connection of its own. */
import type { Clock } from '../../../engine/clock.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import { persistently } from '../persistently.ts'
import { formOf } from './answers.ts'
import { type RedisClientLike, senderOf } from './client.ts'
import { connectionKept, type IsAnswer } from './connection-kept.ts'
import { isUnknownScript, outOfStep, translatedRedis } from './errors.ts'
import type { Script } from './scripts.ts'

/** Where the server is. */
export interface LinkPlace {
  readonly client?: RedisClientLike | undefined
  readonly url?: string | undefined
  readonly clock: Clock
  readonly random: () => number
}

/** Runs commands and scripts. Every failure is an error of ours. */
export interface Link {
  command(name: string, key: string, args: readonly string[]): Promise<unknown>
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>
}

/** The way to the server. */
export interface Links {
  /** Fails at once, for readers. */
  readonly quick: Link
  /** Tries again for some seconds while the server is away: for what may be repeated. */
  readonly patient: Link
  /** From here on nothing is sent. */
  close(): Promise<void>
}

/**
 * Opens nothing before the first command.
 *
 * @throws INVALID_ARGUMENT
 */
export function createLinks({ client, url, clock, random }: LinkPlace): Links {
  if ((client === undefined) === (url === undefined))
    throw new InvalidArgument('client', 'or a url is to be given, one of them')
  if (url !== undefined && !/^rediss?:\/\//.test(url))
    throw new InvalidArgument('url', 'does not begin with redis:// or rediss://')
  const given = client === undefined ? undefined : senderOf(client)
  if (client !== undefined && given === undefined) {
    throw new InvalidArgument('client', 'is no client of the package redis or ioredis')
  }
  const own = connectionKept(url ?? '', clock)
  let isClosed = false

  async function sent(key: string, args: readonly string[], isAnswer: IsAnswer): Promise<unknown> {
    if (isClosed) throw new StoreClosed('The target')
    if (given === undefined) return own.send(key, args, isAnswer)
    const answer = await given(key, args)
    if (!isAnswer(answer)) throw outOfStep(args)
    return answer
  }

  async function ran(
    { text, digest, form }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    const isAnswer = (answer: unknown): boolean => form(answer, args)
    try {
      return await sent(keys[0] ?? '', ['EVALSHA', digest, ...rest], isAnswer)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return sent(keys[0] ?? '', ['EVAL', text, ...rest], isAnswer)
    }
  }

  const quick: Link = {
    command: (name, key, args) =>
      sent(key, [name, key, ...args], (answer) => formOf(name)(answer, args)).catch(rethrown),
    run: (script, keys, args) => ran(script, keys, args).catch(rethrown),
  }
  return {
    quick,
    patient: {
      command: (name, key, args) => persistently(() => quick.command(name, key, args), clock, random),
      run: (script, keys, args) => persistently(() => quick.run(script, keys, args), clock, random),
    },
    close: async () => {
      isClosed = true
      await own.close()
    },
  }
}

function rethrown(error: unknown): never {
  throw translatedRedis(error)
}
