import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect as openSocket } from 'node:net'
import { memory, openStore, systemClock } from 'varve'
import { expect, it } from 'vitest'
import { seeded } from '../../../store/src/conformance/seeded.ts'
import { heapAfterCollection } from '../../../test/heap.ts'
import { type Chance, mutated, samples } from '../../../test/kurrent/mutations.ts'
import { answerOf, frame, messagesIn, rawClient } from '../../../test/kurrent/raw-client.ts'
import { openAccess } from '../auth/access.ts'
import { noAccounts } from '../auth/accounts.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'
import { failureOf } from './failure.ts'
import type { Call } from './grpc/call.ts'
import { type Assembling, FrameReader } from './grpc/frames.ts'
import type { Methods } from './grpc/method.ts'
import { CallFailed } from './grpc/status.ts'
import { Supervisor } from './projections/supervisor.ts'
import { kurrentMethods } from './service.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const cases = Number(process.env.FUZZ_CASES ?? 100_000)

/** Requests that share a store, before a fresh one begins. */
const casesOfOneStore = 5_000

it(`answers ${cases} broken requests, each with a status that says what was wrong (FUZZ_SEED=${seed})`, async () => {
  const chance = seeded(seed)
  const heap: number[] = []
  const assembling: Assembling = { bytes: 0 }
  const statuses = new Map<string, number>()
  for (let done = 0; done < cases; done += casesOfOneStore) {
    await using served = freshMethods()
    for (let count = 0; count < Math.min(casesOfOneStore, cases - done); count++) {
      const sample = chance.pick(samples)
      const bytes = brokenBytes(sample.messages, chance)
      const status = await statusOf(served.methods, sample.method, new BrokenCall(bytes, chance, assembling))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 'unknown' || status === 'hangs') {
        expect.fail(`${sample.method} ends with ${status} for ${bytes.toString('hex')}: FUZZ_SEED=${seed}`)
      }
    }
    expect(served.counts()).toEqual({ subscriptions: 0, failures: 0 })
    heap.push(heapAfterCollection())
  }
  expect(assembling.bytes).toBe(0)
  // Neither so broken that nothing gets past the codecs, nor so sound that nothing is refused.
  for (const status of ['ok', 'invalidArgument', 'cancelled']) {
    expect(statuses.get(status), status).toBeGreaterThan(cases / 50)
  }
  // The first rounds warm up caches and compiled code; after that nothing is kept.
  const settled = heap.slice(2)
  if (settled.length > 4) expect((settled.at(-1) ?? 0) - Math.min(...settled)).toBeLessThan(30_000_000)
}, 1_200_000)

it(`outlives broken requests and broken connections at its port (FUZZ_SEED=${seed})`, async () => {
  const chance = seeded(seed + 1)
  await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  await using client = rawClient(server.url)
  for (let count = 0; count < 2_000; count++) {
    const { method, messages } = chance.pick(samples)
    const stream = client.open(method, chance.oneIn(4) ? { 'grpc-timeout': '50m' } : {})
    const ended = answerOf(stream)
    stream.end(brokenBytes(messages, chance))
    // A subscription has no end of its own.
    if (chance.oneIn(3)) stream.close(8)
    const late = new AbortController()
    const cancel = systemClock.sleep(100, late.signal).then(() => stream.close(8))
    await ended
    late.abort()
    await cancel
  }
  for (let count = 0; count < 200; count++) {
    const socket = openSocket(Number(new URL(server.url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.end(brokenConnection(chance))
    await once(socket, 'close')
  }
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
  const sound = samples.find(({ method }) => method.endsWith('GetSupportedMethods'))
  await using fresh = rawClient(server.url)
  expect((await fresh.call(sound?.method ?? '', sound?.messages ?? [])).status).toBe(0)
}, 300_000)

/** Messages in their frames, a few of them as they should be. */
function brokenBytes(messages: readonly Buffer[], chance: Chance): Buffer {
  const frames = messages.map((message) => (chance.oneIn(3) ? frame(message) : frame(mutated(message, chance))))
  const bytes = Buffer.concat(frames)
  return chance.oneIn(10) ? mutated(bytes, chance) : bytes
}

/** The beginning of a connection of HTTP/2, and then whatever. */
function brokenConnection(chance: Chance): Buffer {
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  const settings = Buffer.from('000000040000000000', 'hex')
  const headers = Buffer.from('00000501040000000183868401', 'hex')
  const data = Buffer.concat([Buffer.from('000005000100000001', 'hex'), frame(Buffer.alloc(0))])
  const whole = Buffer.concat([preface, settings, headers, data])
  return chance.oneIn(2) ? mutated(whole, chance) : Buffer.concat([preface, mutated(whole.subarray(24), chance)])
}

function freshMethods() {
  const store = openStore({ engine: memory() })
  const closing = new AbortController()
  let [subscriptions, failures] = [0, 0]
  const limits = { eventMs: 250, memoryMib: 64, emits: 1, stateBytes: 1_024, running: 0 }
  const shared = { store, clock: systemClock, newId: randomUUID, instanceId: randomUUID() }
  const projections = new Supervisor({ ...shared, limits, leaseMs: 10_000, logged: () => undefined })
  const methods = kurrentMethods({
    ...shared,
    accounts: noAccounts,
    projections,
    closing: closing.signal,
    failed: () => failures++,
    opened: () => subscriptions++,
    closed: () => subscriptions--,
  })
  const close = async (): Promise<void> => {
    await projections.close()
    await store.close()
  }
  return { methods, counts: () => ({ subscriptions, failures }), [Symbol.asyncDispose]: close }
}

/** Runs one call as the server does, but without a connection. */
async function statusOf(methods: Methods, method: string, call: BrokenCall): Promise<string> {
  const handled = run(methods, method, call).catch((error) => failureOf(error).status)
  let isOver = false
  void handled.then(() => {
    isOver = true
  })
  for (let turn = 0; turn < 10 && !isOver; turn++) await systemClock.turn()
  // What is not over by now is a subscription, which ends when its client leaves, or hangs.
  call.leave()
  const patience = new AbortController()
  const hangs = systemClock.sleep(10_000, patience.signal).then(() => 'hangs')
  const status = await Promise.race([handled, hangs])
  patience.abort()
  call.check()
  return status
}

async function run(methods: Methods, method: string, call: Call): Promise<string> {
  await methods[method]?.(call)
  return 'ok'
}

/** A call whose bytes arrive cut anywhere. */
class BrokenCall implements Call {
  readonly headers = { ':authority': 'localhost:2113' }
  readonly access = openAccess
  readonly peer = '127.0.0.1:50000'
  readonly signal: AbortSignal
  readonly #gone = new AbortController()
  readonly #sent: Uint8Array[] = []
  readonly #bytes: Buffer
  readonly #chance: Chance
  readonly #reader: FrameReader

  constructor(bytes: Buffer, chance: Chance, assembling: Assembling) {
    this.signal = this.#gone.signal
    this.#bytes = bytes
    this.#chance = chance
    this.#reader = new FrameReader({ messageBytes: 1_000_000, assemblingBytes: 10_000_000 }, assembling)
  }

  acknowledge(): void {}

  async *batches(): AsyncGenerator<readonly Buffer[]> {
    for (let at = 0; at < this.#bytes.length; ) {
      const to = at + 1 + this.#chance.below(this.#bytes.length - at)
      yield this.#reader.push(this.#bytes.subarray(at, to))
      at = to
    }
    if (!this.#reader.isBetweenMessages) throw new CallFailed('invalidArgument', 'It is cut off.')
  }

  send(frames: Uint8Array): undefined {
    this.signal.throwIfAborted()
    this.#sent.push(frames)
    return undefined
  }

  leave(): void {
    this.#gone.abort(new CallFailed('cancelled', 'The client has gone.'))
  }

  /** Whatever was asked, what is answered is whole messages. */
  check(): void {
    this.#reader.close()
    messagesIn(Buffer.concat(this.#sent))
  }
}
