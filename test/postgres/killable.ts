import { once } from 'node:events'
import { connect } from 'node:net'
import { holds, type Keeper, type Run } from './kept-server.ts'

/** A server that can be killed, held still, and started again on what lies on its disk. */
export interface Killable {
  /** Kills it as a power cut would, and starts it again. */
  crash(): Promise<void>
  /** Kills it and leaves it so, until `start`. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Stops it from answering, without ending it, and lets it go on. */
  pause(): void
  resume(): void
  /** Stopping twice is fine; its folder goes. */
  stop(): Promise<void>
}

/** How a server is started, and what tells that it is up. */
export interface Server {
  /** As in `Redis did not start`. */
  readonly name: string
  readonly command: readonly string[]
  readonly isUp: () => boolean | Promise<boolean>
  readonly startMs: number
}

const endMs = 10_000

/** Starts a server for a keeper to look after. */
export async function startKillable(keeper: Keeper, { name, command, isUp, startMs }: Server): Promise<Killable> {
  let run: Run | undefined
  const start = async (): Promise<void> => {
    run = await keeper.start(command)
    if (await holds(isUp, run, startMs)) return
    throw new Error(`${name} did not start:\n${keeper.logged().slice(-4_000)}`)
  }
  const kill = async (): Promise<void> => {
    if (run?.isRunning()) process.kill(run.pid, 'SIGKILL')
    await run?.ends(endMs)
  }
  const stop = async (): Promise<void> => {
    await kill()
    await keeper.dismiss()
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    crash: async () => {
      await kill()
      await start()
    },
    kill,
    start,
    pause: () => process.kill(run?.pid ?? 0, 'SIGSTOP'),
    resume: () => process.kill(run?.pid ?? 0, 'SIGCONT'),
    stop,
  }
}

/** Whether somebody listens on a port of 127.0.0.1. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
