import { Worker } from 'node:worker_threads'
import type { Clock } from 'varve'
import type { Collected, Definition, Evaluated, Fault, PackedEvent, Question, StateEntry } from './exchange.ts'
import type { SandboxLimits } from './sandbox.ts'

/**
 * A projection's user code in a thread of its own: however long it takes, the server goes on. The sandbox stops it in time;
 * a thread that stands still all the same, inside of a single step that nothing interrupts, is ended from here.
 */

/** What an isolate is made of. */
export interface IsolateParts {
  readonly limits: SandboxLimits
  readonly clock: Clock
}

/** Beyond the time of so many events a thread that does not move is ended. */
const eventsPerBeat = 16
const graceMs = 2_000

/** The thread's own stack: deep recursion in user code has to end in the sandbox, whose stack is smaller than this. */
const stackMib = 16

/** Source files run as they are; what is published has another name. */
const file = import.meta.url.endsWith('.ts')
  ? new URL('./isolate-worker.ts', import.meta.url)
  : new URL('./isolate-worker.js', import.meta.url)

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The thread is gone: user code overcame the sandbox, or stood still. */
export class IsolateLost extends Error {}

/** One projection's user code. Questions are answered in turn. */
export class Isolate implements AsyncDisposable {
  readonly #worker: Worker
  readonly #beats: Int32Array
  readonly #parts: IsolateParts
  #waiting: Waiting | undefined
  /** Settles when the last of those who asked has its answer. */
  #turn: Promise<unknown> = Promise.resolve()
  #lost: IsolateLost | undefined

  private constructor(worker: Worker, beats: Int32Array, parts: IsolateParts) {
    this.#worker = worker
    this.#beats = beats
    this.#parts = parts
    worker.on('message', ({ answer }: { readonly answer: unknown }) => this.#settle()?.resolve(answer))
    worker.on('error', (error) => this.#lose(new IsolateLost(error.message, { cause: error })))
    worker.on('exit', () => this.#lose(new IsolateLost('the isolate has ended')))
  }

  static open(parts: IsolateParts): Promise<Isolate> {
    const pulse = new SharedArrayBuffer(4)
    const worker = new Worker(file, {
      workerData: { limits: parts.limits, pulse },
      resourceLimits: { stackSizeMb: stackMib },
      // Nothing of the server's surroundings is of use in there.
      env: {},
      execArgv: [],
      stdin: false,
    })
    return new Promise((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', () => {
        worker.off('error', reject)
        resolve(new Isolate(worker, new Int32Array(pulse), parts))
      })
    })
  }

  load(source: string): Promise<Definition | Fault> {
    return this.#ask({ kind: 'load', source }) as Promise<Definition | Fault>
  }

  initialize(): Promise<Fault | undefined> {
    return this.#ask({ kind: 'initialize' }) as Promise<Fault | undefined>
  }

  restore(states: readonly StateEntry[], shared: string | null): Promise<Fault | undefined> {
    return this.#ask({ kind: 'restore', states, shared }) as Promise<Fault | undefined>
  }

  partitions(events: readonly PackedEvent[]): Promise<{ names: (string | null)[]; fault: Fault | undefined }> {
    return this.#ask({ kind: 'partitions', events }) as ReturnType<Isolate['partitions']>
  }

  unknown(partitions: readonly string[]): Promise<readonly string[]> {
    return this.#ask({ kind: 'unknown', partitions }) as Promise<readonly string[]>
  }

  evaluate(events: readonly PackedEvent[]): Promise<Evaluated> {
    return this.#ask({ kind: 'evaluate', events }) as Promise<Evaluated>
  }

  collect(room: { readonly partitions: number; readonly chars: number }): Promise<Collected | Fault> {
    return this.#ask({ kind: 'collect', room }) as Promise<Collected | Fault>
  }

  result(state: string): Promise<string | null | Fault> {
    return this.#ask({ kind: 'result', state }) as Promise<string | null | Fault>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(question: Question): Promise<unknown> {
    const answer = this.#turn.then(() => this.#answer(question))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  #answer(question: Question): Promise<unknown> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    const answered = new AbortController()
    const answer = new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#worker.postMessage(question)
    }).finally(() => answered.abort())
    void this.#watch(answered.signal)
    return answer
  }

  async #watch(answered: AbortSignal): Promise<void> {
    const { clock, limits } = this.#parts
    const stillMs = limits.eventMs * eventsPerBeat + graceMs
    let seen = -1
    while (!answered.aborted) {
      const beats = Atomics.load(this.#beats, 0)
      if (beats === seen) {
        this.#lose(
          new IsolateLost(`it took longer than ${limits.eventMs} ms, inside of a step that cannot be interrupted`),
        )
        await this.#worker.terminate()
        return
      }
      seen = beats
      await clock.sleep(stillMs, answered)
    }
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }

  #lose(error: IsolateLost): void {
    this.#lost ??= error
    this.#settle()?.reject(this.#lost)
  }
}
