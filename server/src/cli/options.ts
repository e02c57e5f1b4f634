import { InvalidArgumentError } from 'commander'
import type { ExpectedVersion, Query } from 'varve'
import { exactJson, NumberLost } from '../exact-json.ts'
import { CliFailure, exitCodes } from './failure.ts'

/** Options that choose events. */
export interface FilterOptions {
  readonly type?: readonly string[]
  readonly tag?: readonly string[]
  readonly category?: readonly string[]
  readonly prefix?: string
}

/** The query that filter options stand for; undefined when none was given. */
export function queryOf({ type, tag, category, prefix }: FilterOptions): Query | undefined {
  if (type === undefined && tag === undefined && category === undefined && prefix === undefined) return undefined
  return {
    ...(type !== undefined && { types: type }),
    ...(tag !== undefined && { tags: tag }),
    ...(category !== undefined && { categories: category }),
    ...(prefix !== undefined && { streamPrefix: prefix }),
  }
}

/** A whole number from 0 on, as in `--limit 10`. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Give a whole number from 0 on.')
  }
  return value
}

/** Several of them, as arguments. */
export function wholeNumbers(text: string, earlier: readonly number[] | undefined): readonly number[] {
  return [...(earlier ?? []), wholeNumber(text)]
}

/** A TCP port; 0 takes any that is free. */
export function portNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('Give a port from 0 to 65535.')
  return value
}

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** A length of time in milliseconds, as in `--older-than 7d`. */
export function duration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})(ms|[dhms])$/.exec(text) ?? []
  const ms = Number(count) * (unitMs[unit] ?? Number.NaN)
  if (count === '' || Number.isNaN(ms)) throw new InvalidArgumentError('Give a number and d, h, m, s or ms, as in 7d.')
  return ms
}

/** What is expected of a stream, as in `--expected 7`. */
export function expectedVersion(text: string): ExpectedVersion {
  if (text === 'any' || text === 'no_stream' || text === 'stream_exists') return text
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Give a version from 0 on, any, no_stream or stream_exists.')
}

/** A JSON object, as in `--metadata '{"user_id":"u-1"}'`. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = exactJson(text)
  } catch (error) {
    if (error instanceof NumberLost) throw new InvalidArgumentError(`It ${error.message}.`)
    throw new InvalidArgumentError(
      `It is not JSON: ${(error as Error).message}. Quote it for the shell, as in '{"a":1}'.`,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError(`Give a JSON object, as in '{"a":1}'.`)
  }
  return value as Readonly<Record<string, unknown>>
}

/** Gathers an option that may be given several times. */
export function gathered(text: string, earlier: readonly string[] | undefined): readonly string[] {
  if (text === '') throw new InvalidArgumentError('Give a text that is not empty.')
  return [...(earlier ?? []), text]
}

/** Refuses a combination of options before anything is opened. */
export function refuseUsage(message: string): never {
  throw new CliFailure(message, exitCodes.usage)
}
