import { readFileSync, writeFileSync } from 'node:fs'
import type { AppendCondition } from '../../store/src/model/query.ts'

/** An append that a writer decided on, and what the store answered. One line of its report. */
export interface Decision {
  readonly writes: readonly DecidedWrite[]
  readonly condition?: AppendCondition
  /** By a clock that all processes of a machine share, in microseconds. */
  readonly sentAtUs: number
  readonly answeredAtUs: number
  readonly answer: Answer
}

/** The part of a decision that concerns one stream. */
export interface DecidedWrite {
  readonly streamId: string
  readonly expectedVersion: number | 'any'
  readonly events: number
}

/** What became of a decision. */
export type Answer =
  | {
      readonly status: 'landed'
      readonly firstPosition: number
      readonly eventIds: readonly string[]
      readonly streams: readonly { readonly streamId: string; readonly firstVersion: number }[]
    }
  | { readonly status: 'conflict'; readonly streamId: string; readonly actual: number }
  | { readonly status: 'condition_failed'; readonly position: number }

/** Leaves a report for {@link readDecisions}. */
export function writeDecisions(path: string, decisions: readonly Decision[]): void {
  writeFileSync(path, decisions.map((decision) => `${JSON.stringify(decision)}\n`).join(''))
}

/** What a writer left behind. */
export function readDecisions(path: string): readonly Decision[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Decision)
}
