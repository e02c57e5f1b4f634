/** Scripts and commands to one target's server, over a client of the user's or a connection of its own. */
import type { Clock } from '../../../engine/clock.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import { type RedisClientLike, type Send, senderOf } from './client.ts'
import { type Connection, openConnection } from './driver.ts'
import { isUnknownScript, translatedRedis } from './errors.ts'
import type { Script } from './scripts.ts'

/** Where the server is. */
export interface LinkPlace {
  readonly client?: RedisClientLike
  readonly url?: string
  readonly clock: Clock
}

/** Runs commands and scripts. Every failure is an error of ours. */
export interface Link {
  command(name: string, key: string, args: readonly string[]): Promise<unknown>
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** From here on nothing is sent. */
  close(): Promise<void>
}

/**
 * Opens nothing before the first command.
 *
 * @throws INVALID_ARGUMENT
 */
export function createLink({ client, url, clock }: LinkPlace): Link {
  if ((client === undefined) === (url === undefined))
    throw new InvalidArgument('client', 'or a url is to be given, one of them')
  if (url !== undefined && !/^rediss?:\/\//.test(url))
    throw new InvalidArgument('url', 'does not begin with redis:// or rediss://')
  const given = client === undefined ? undefined : senderOf(client)
  if (client !== undefined && given === undefined) {
    throw new InvalidArgument('client', 'is no client of the package redis or ioredis')
  }
  let opening: Promise<Connection> | undefined
  let isClosed = false

  async function sender(): Promise<Send> {
    if (given !== undefined) return given
    opening ??= openConnection(url ?? '', clock)
    try {
      return (await opening).send
    } catch (error) {
      // The next command tries again.
      opening = undefined
      throw error
    }
  }

  async function sent(key: string, args: readonly string[]): Promise<unknown> {
    if (isClosed) throw new StoreClosed('The target')
    const send = await sender()
    return send(key, args)
  }

  async function ran({ text, digest }: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await sent(keys[0] ?? '', ['EVALSHA', digest, ...rest])
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return sent(keys[0] ?? '', ['EVAL', text, ...rest])
    }
  }

  return {
    command: (name, key, args) => sent(key, [name, key, ...args]).catch(rethrown),
    run: (script, keys, args) => ran(script, keys, args).catch(rethrown),
    close: async () => {
      isClosed = true
      const connection = await opening?.catch(() => undefined)
      await connection?.close()
    },
  }
}

function rethrown(error: unknown): never {
  throw translatedRedis(error)
}
