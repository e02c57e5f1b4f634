import { parentPort, workerData } from 'node:worker_threads'
import type { Question } from './exchange.ts'
import { Sandbox, type SandboxLimits } from './sandbox.ts'

/** A thread with one sandbox in it, which answers one question after the other. */

const { limits, pulse } = workerData as { readonly limits: SandboxLimits; readonly pulse: SharedArrayBuffer }
const beats = new Int32Array(pulse)

/** Time that this thread has worked: on a busy machine it may be long until it gets to work at all. */
function workedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const sandbox = await Sandbox.open({
  limits,
  // Before Node 22.16 nobody knows that of one thread.
  nowMs: typeof process.threadCpuUsage === 'function' ? workedMs : () => performance.now(),
  moves: () => void Atomics.add(beats, 0, 1),
})

function answerTo(question: Question): unknown {
  switch (question.kind) {
    case 'load':
      return sandbox.load(question.source)
    case 'initialize':
      return sandbox.initialize()
    case 'restore':
      return sandbox.restore(question.states, question.shared)
    case 'partitions':
      return sandbox.partitions(question.events)
    case 'unknown':
      return sandbox.unknown(question.partitions)
    case 'evaluate':
      return sandbox.evaluate(question.events)
    case 'collect':
      return sandbox.collect(question.room)
    case 'result':
      return sandbox.result(question.state)
  }
}

parentPort?.on('message', (question: Question) => {
  // What the sandbox itself throws ends the thread, and the server hears why.
  parentPort?.postMessage({ answer: answerTo(question) })
})
parentPort?.postMessage('ready')
