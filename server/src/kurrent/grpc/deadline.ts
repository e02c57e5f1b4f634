import { CallFailed } from './status.ts'

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }

/** No clock has a timer for longer; nobody waits for it either. */
const longestMs = 2_147_483_647

/**
 * How long the client waits for a call, in milliseconds, by its `grpc-timeout` header; undefined when it says nothing.
 *
 * @throws CallFailed when the header is no time.
 */
export function timeoutMsOf(header: string | readonly string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(header)) ?? []
  if (digits === undefined) {
    throw new CallFailed('invalidArgument', `grpc-timeout is ${JSON.stringify(header)}, which is no time.`)
  }
  return Math.min(Math.ceil(Number(digits) * (unitMs[unit] ?? 1)), longestMs)
}
