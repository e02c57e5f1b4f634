// Run by crash.test.ts: relays until it is killed, as its life says. By the clock a kill almost never falls between what is
// sent and what is remembered of it, so that most lives end at a request to the broker.

import { writeSync } from 'node:fs'
import { Producer } from '@platformatic/kafka'
import { openStore, runProjections } from 'varve'
import { kafkaRelay } from 'varve/kafka'
import { sqlite } from 'varve/sqlite'

/** One life of a relay. */
export interface RelayLife {
  readonly store: string
  readonly brokers: readonly string[]
  readonly topic: string
  readonly name: string
  readonly delivery: 'at_least_once' | 'exactly_once'
  readonly partitions: number
  readonly leaseMs: number
  /** Undefined: it lives until somebody else ends it. */
  readonly end?: RelayEnd
}

/** How a life ends. */
export interface RelayEnd {
  /** At which of the requests that carry messages. */
  readonly atSend: number
  /** Before it is sent, while the answer is on its way, or when all brokers have the messages and nothing says so yet. */
  readonly moment: 'before' | 'during' | 'after'
  /** Killed, or stopped until somebody lets it go on. */
  readonly signal: 'SIGKILL' | 'SIGSTOP'
}

const life = JSON.parse(process.argv[2] ?? '') as RelayLife
const { end } = life
let sends = 0

if (end !== undefined) {
  const send = Producer.prototype.send as (...words: unknown[]) => unknown
  const die = (moment: RelayEnd['moment'], at: number): void => {
    if (end.moment !== moment || end.atSend !== at) return
    writeSync(process.stdout.fd, 'ends\n')
    process.kill(process.pid, end.signal)
  }
  Producer.prototype.send = function counted(this: unknown, options: unknown, callback?: unknown): unknown {
    const at = ++sends
    die('before', at)
    const told = (error: unknown, result: unknown): void => {
      if (error === null) die('after', at)
      if (typeof callback === 'function') callback(error, result)
    }
    const answer = typeof callback === 'function' ? send.call(this, options, told) : send.call(this, options)
    if (typeof callback !== 'function')
      (answer as Promise<unknown>).then(
        () => die('after', at),
        () => undefined,
      )
    setImmediate(() => die('during', at))
    return answer
  } as typeof Producer.prototype.send
}

const { brokers, topic, name, delivery, partitions, leaseMs } = life
const store = openStore({ engine: sqlite({ path: life.store }) })
const relay = kafkaRelay(store, { name, brokers, topic, delivery, partitions })
const running = runProjections(store, [relay], {
  leaseMs,
  log: ({ level, text }) => void (level === 'info' || process.stderr.write(`${text}\n`)),
})
process.once('SIGTERM', () => void running.stop())
await running.done
await relay.target.close()
await store.close()
