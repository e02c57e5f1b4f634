import assert from 'node:assert/strict'
import { memory } from '../engines/memory/index.ts'
import type { EngineCase, EngineSubject } from './case.ts'
import { everything, type Operation, type Past, someOperation } from './model-operations.ts'
import { seeded } from './seeded.ts'

const stepsPerRun = 60

/** Random operations, each done to the engine and to the memory engine, must have the same answers. One case per run. */
export function modelCases(runs: number): readonly EngineCase[] {
  return Array.from({ length: runs }, (_, run) => ({
    promise: 'model',
    rule: 'model/same-answers',
    name: `random operations have the answers of the memory engine, run ${run + 1} of ${runs}`,
    // The reference counts positions without holes, and answers are compared to the number.
    needs: ['gaplessPositions'],
    run: (subject) => compare(subject, subject.seed + run),
  }))
}

async function compare(subject: EngineSubject, seed: number): Promise<void> {
  const random = seeded(seed)
  // What the engine cannot do is not asked of it.
  const { appendConditions, multiStreamAppends, durable, logShards } = subject.engine.capabilities
  const reference = memory({ logShards })
  const capabilities = { ...reference.capabilities, appendConditions, multiStreamAppends }
  const past: Past = { reference: { ...reference, capabilities }, requests: [] }
  const done: string[] = []
  let engine = subject.engine
  try {
    for (let step = 0; step < stepsPerRun; step++) {
      if (durable && random.oneIn(25)) {
        done.push('reopen')
        engine = await subject.reopen()
      }
      await agree(await someOperation(random, past))
    }
    await agree(everything)
  } catch (cause) {
    throw new assert.AssertionError({ message: replay(seed, done, cause as Error) })
  }

  async function agree(operation: Operation): Promise<void> {
    done.push(operation.text)
    const expected = await operation.answer(reference)
    assert.deepEqual(await operation.answer(engine), expected)
  }
}

function replay(seed: number, done: readonly string[], cause: Error): string {
  const steps = done.map((text, index) => `${`${index + 1}`.padStart(4)} ${text}`)
  return [
    `The engine and the memory engine disagree on step ${done.length}. Replay: seed: ${seed}, modelRuns: 1.`,
    ...steps,
    'Answers (+ the engine, - the memory engine):',
    cause.message,
  ].join('\n')
}
