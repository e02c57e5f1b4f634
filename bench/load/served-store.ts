import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A server in a process of its own, over a SQLite file. */
export interface ServedStore extends AsyncDisposable {
  /** As clients name it: `127.0.0.1:2113`. */
  readonly host: string
  /** CPU time that the server has used so far. */
  cpuUs(): Promise<number>
}

/** Starts a server over the store in a folder. */
export async function serveStore(folder: string): Promise<ServedStore> {
  const program = fileURLToPath(new URL('../trials/server-process.ts', import.meta.url))
  const server = fork(program, [`sqlite:${join(folder, 'store.db')}`])
  const { host } = (await answer(server)) as { readonly host: string }
  return {
    host,
    cpuUs: async () => {
      server.send('costs')
      return ((await answer(server)) as { readonly cpuUs: number }).cpuUs
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(server, 'exit')
      server.disconnect()
      await ended
    },
  }
}

async function answer(server: ChildProcess): Promise<unknown> {
  const [message] = await once(server, 'message')
  return message
}
