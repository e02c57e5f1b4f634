import { AsyncResource } from 'node:async_hooks'
import type { EventDefinitions } from '../model/event-definition.ts'
import type { Executed, ExecutedOnce, ExecuteOptions } from './execute-options.ts'
import type { AnyTask } from './task.ts'

/** A command whose caller waits for what becomes of it. */
export class Waiting {
  readonly task: AnyTask
  readonly options: ExecuteOptions
  /** What the caller is told, in the end or when it gives up. */
  readonly told: Promise<Executed<EventDefinitions>>
  /** Attempts that another append came before. */
  conflicts = 0
  /** True once it was found that others might be harmed, or harm it, if it were decided together with them. */
  isAlone = false
  #isSettled = false
  readonly #resolve: (executed: Executed<EventDefinitions>) => void
  readonly #reject: (reason: unknown) => void
  readonly #caller = new AsyncResource('varve.command', { requireManualDestroy: true })

  constructor(task: AnyTask, options: ExecuteOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<Executed<EventDefinitions>>()
    this.task = task
    this.options = options
    this.told = promise
    this.#resolve = resolve
    this.#reject = reject
    const { signal } = options
    if (signal === undefined) return
    const giveUp = (): void => this.refuse(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    // A signal may outlive many commands: each leaves it as it was.
    const leave = (): void => signal.removeEventListener('abort', giveUp)
    promise.then(leave, leave)
    if (signal.aborted) giveUp()
  }

  /** True when the caller has been told, or has given up: it waits no longer. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  answer(executed: ExecutedOnce<EventDefinitions>): void {
    this.#isSettled = true
    this.#resolve({ ...executed, attempts: this.conflicts + 1 })
  }

  refuse(reason: unknown): void {
    this.#isSettled = true
    this.#reject(reason)
  }

  /** Runs what is the caller's own in the caller's asynchronous context, whoever's turn it is. */
  inContext<Result>(run: () => Result): Result {
    return this.#caller.runInAsyncScope(run)
  }
}

/** A signal that aborts when nobody waits any more. */
export function untilNobodyWaits(commands: readonly Waiting[]): AbortSignal {
  const nobodyWaits = new AbortController()
  let waiting = commands.length
  const oneLess = (): void => {
    waiting -= 1
    if (waiting === 0) nobodyWaits.abort()
  }
  for (const { told } of commands) told.then(oneLess, oneLess)
  return nobodyWaits.signal
}
