import variantModule from '@jitl/quickjs-wasmfile-release-sync'
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
} from 'quickjs-emscripten-core'
import {
  type Collected,
  type Definition,
  type Evaluated,
  type Fault,
  type Handled,
  isFault,
  type Output,
  type PackedEvent,
  type StateEntry,
} from './exchange.ts'
import { language } from './language.ts'

/**
 * User code inside of QuickJS inside of WebAssembly: it reaches nothing but the language. A WebAssembly memory of its own
 * bounds what it may allocate, and an interrupt handler how long one event may take.
 *
 * new > loaded > begun > (partitions, evaluated, collected)*. After a fault nothing may be asked but to be disposed of:
 * states are somewhere in the middle of an event.
 */

/** The types of Node leave WebAssembly out. */
interface WasmMemory {
  readonly buffer: ArrayBuffer
}
declare const WebAssembly: {
  readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => WasmMemory
}

/** Its types are those of its CommonJS half, where the default export lies one step deeper. */
const variant = variantModule as unknown as QuickJSSyncVariant

/** What user code may use. */
export interface SandboxLimits {
  readonly memoryBytes: number
  readonly eventMs: number
  readonly emits: number
  readonly outputChars: number
}

/** Where one batch of outputs ends, so that one append can hold it, and how many states are kept between batches. */
const outputsMax = 4_000
const outputCharsMax = 1_048_576
const streamsMax = 450

/** Events that are handed in at once: so often there is a look at how far it came. */
const eventsTogether = 16

/** Time for the user's source to be read and to say what it is. */
const loadMs = 1_000

/** WebAssembly counts memory in pages; QuickJS needs this many to begin with. */
const pageBytes = 65_536
const firstPages = 256

/** In the memory of WebAssembly; the thread's own stack has to hold more than it (see the worker's limits). */
const stackBytes = 262_144

/** The name of the user's source in stack traces. */
export const sourceName = 'projection.js'

type Call = 'begin' | 'initialize' | 'restore' | 'partitions' | 'unknown' | 'handle' | 'collect' | 'result' | 'where'

/** What a sandbox is given. */
export interface SandboxParts {
  readonly limits: SandboxLimits
  /** Milliseconds that only rise: of work, where they are known. */
  readonly nowMs: () => number
  /** Hears now and then that it moves on. */
  readonly moves: () => void
}

/** One projection's user code. */
export class Sandbox implements Disposable {
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  readonly #host: QuickJSHandle
  readonly #parts: SandboxParts
  readonly #memory: WasmMemory
  readonly #ticks: { readonly handle: QuickJSHandle; readonly address: number }
  #turn = { startedMs: 0, forMs: loadMs, ticks: 0 }

  private constructor(runtime: QuickJSRuntime, memory: WasmMemory, parts: SandboxParts) {
    this.#runtime = runtime
    this.#memory = memory
    this.#parts = parts
    this.#allow(loadMs)
    runtime.setMaxStackSize(stackBytes)
    runtime.setInterruptHandler(() => this.#isTooLong())
    const context = runtime.newContext()
    this.#context = context
    this.#host = context.unwrapResult(context.evalCode(language, 'varve'))
    const handle = context.newArrayBuffer(new ArrayBuffer(8))
    using view = context.getArrayBuffer(handle)
    this.#ticks = { handle, address: view.value.byteOffset }
    using watch = context.getProp(this.#host, 'watch')
    context.unwrapResult(context.callFunction(watch, context.undefined, handle)).dispose()
  }

  static async open(parts: SandboxParts): Promise<Sandbox> {
    const maximum = Math.max(Math.floor(parts.limits.memoryBytes / pageBytes), firstPages)
    const wasmMemory = new WebAssembly.Memory({ initial: firstPages, maximum })
    const module = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmMemory }))
    return new Sandbox(module.newRuntime(), wasmMemory, parts)
  }

  /** Reads the user's source. */
  load(source: string): Definition | Fault {
    this.#allow(loadMs)
    const result = this.#context.evalCode(source, sourceName)
    if (result.error !== undefined) return this.#faultOf(result.error, { at: 0, handling: '' })
    result.value.dispose()
    const { emits, outputChars } = this.#parts.limits
    const begun = this.#call('begin', JSON.stringify({ emits, outputChars, heldChars: outputCharsMax }))
    return isFault(begun) ? begun : (JSON.parse(begun) as Definition)
  }

  /** Makes the first states. */
  initialize(): Fault | undefined {
    return faultIn(this.#call('initialize', ''))
  }

  /** Takes up states where they were left. */
  restore(states: readonly StateEntry[], shared: string | null): Fault | undefined {
    return faultIn(this.#call('restore', JSON.stringify({ states, shared })))
  }

  /** The partition of each event, up to the first that fails. */
  partitions(events: readonly PackedEvent[]): { readonly names: (string | null)[]; readonly fault: Fault | undefined } {
    const names: (string | null)[] = []
    for (let from = 0; from < events.length; from += eventsTogether) {
      this.#parts.moves()
      const given = this.#call('partitions', JSON.stringify(events.slice(from, from + eventsTogether)))
      // What was named before a failure that stopped everything is not known: those events come again.
      if (isFault(given)) return { names, fault: given }
      const { names: named, fault } = JSON.parse(given) as { names: (string | null)[]; fault: Fault | null }
      names.push(...named)
      if (fault !== null) return { names, fault }
    }
    return { names, fault: undefined }
  }

  /** Which of these partitions it has no state of. */
  unknown(partitions: readonly string[]): readonly string[] {
    const given = this.#call('unknown', JSON.stringify(partitions))
    return isFault(given) ? partitions : (JSON.parse(given) as string[])
  }

  /** Handles events in turn, up to the first that fails, or until there is enough for one append. */
  evaluate(events: readonly PackedEvent[]): Evaluated {
    const outputs: Output[] = []
    const logs: string[] = []
    const streams = new Set<string>()
    let chars = 0
    let done = 0
    while (done < events.length) {
      const together = events.slice(done, done + eventsTogether)
      this.#parts.moves()
      const text = this.#call('handle', JSON.stringify(together))
      if (isFault(text)) return { done, outputs, logs, fault: text }
      const given = JSON.parse(text) as Handled
      outputs.push(...given.outputs)
      logs.push(...given.logs)
      if (given.fault !== null) return { done, outputs, logs, fault: given.fault }
      done += given.done
      for (const [, , kind, place, , data] of given.outputs) {
        streams.add(kind + place)
        chars += data.length
      }
      for (const [, partition] of together) streams.add(partition)
      if (
        given.done < together.length ||
        outputs.length >= outputsMax ||
        chars >= outputCharsMax ||
        streams.size >= streamsMax
      )
        break
    }
    return { done, outputs, logs, fault: undefined }
  }

  /** The states that have changed since they were collected last. */
  collect(room: { readonly partitions: number; readonly chars: number }): Collected | Fault {
    const given = this.#call('collect', JSON.stringify(room))
    if (isFault(given)) return given
    const { fault, ...collected } = JSON.parse(given) as Collected & { fault: Fault | null }
    return fault ?? collected
  }

  /** The result of a state, null for none. */
  result(state: string): string | null | Fault {
    const given = this.#call('result', state)
    return isFault(given) ? given : (JSON.parse(given) as { result: string | null }).result
  }

  [Symbol.dispose](): void {
    this.#ticks.handle.dispose()
    this.#host.dispose()
    this.#context.dispose()
    this.#runtime.dispose()
  }

  #allow(ms: number): void {
    this.#turn = { ...this.#turn, startedMs: this.#parts.nowMs(), forMs: ms }
  }

  /** Each event, and each state, has its time: the clock begins anew whenever the language has begun another one. */
  #isTooLong(): boolean {
    const nowMs = this.#parts.nowMs()
    const ticks = this.#ticks === undefined ? 0 : (new Int32Array(this.#memory.buffer, this.#ticks.address, 1)[0] ?? 0)
    if (ticks !== this.#turn.ticks) this.#turn = { ...this.#turn, startedMs: nowMs, ticks }
    return nowMs - this.#turn.startedMs > this.#turn.forMs
  }

  #call(name: Call, text: string): string | Fault {
    const context = this.#context
    this.#allow(this.#parts.limits.eventMs)
    using run = context.getProp(this.#host, name)
    using given = context.newString(text)
    const result = context.callFunction(run, context.undefined, given)
    if (result.error !== undefined) return this.#faultOf(result.error, this.#where())
    const outcome = context.getString(result.value)
    result.value.dispose()
    return outcome
  }

  #where(): Pick<Fault, 'at' | 'handling'> {
    const context = this.#context
    this.#allow(loadMs)
    using run = context.getProp(this.#host, 'where')
    const result = context.callFunction(run, context.undefined)
    if (result.error !== undefined) {
      result.error.dispose()
      return { at: 0, handling: '' }
    }
    const where = context.getString(result.value)
    result.value.dispose()
    return JSON.parse(where) as Pick<Fault, 'at' | 'handling'>
  }

  #faultOf(error: QuickJSHandle, where: Pick<Fault, 'at' | 'handling'>): Fault {
    const { name = '', message = '', stack = '' } = this.#context.dump(error) as Partial<Record<string, unknown>>
    error.dispose()
    return {
      ...where,
      name: String(name),
      message: String(message).slice(0, 1_000),
      stack: String(stack).slice(0, 4_000),
    }
  }
}

function faultIn(answer: string | Fault): Fault | undefined {
  return isFault(answer) ? answer : undefined
}
