import { InvalidArgument } from './errors.ts'

/**
 * Refuses what JSON would silently turn into something else: a value would then differ before and after it was stored.
 * Members that are undefined may be absent.
 */
export function refuseInexact(value: unknown, path: string, advice: string): void {
  const found = inexact(value)
  if (found === undefined) {
    if (typeof value !== 'object' || value === null) return
    for (const [key, member] of Object.entries(value)) {
      const isAbsent = member === undefined && !Array.isArray(value)
      if (!isAbsent) refuseInexact(member, `${path}.${key}`, advice)
    }
    return
  }
  throw new InvalidArgument(path, `is ${found}, which JSON does not give back as it is: ${advice}`)
}

function inexact(value: unknown): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? undefined : String(value)
  if (typeof value !== 'object') return `of type ${typeof value}`
  if (Array.isArray(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return undefined
  return `a ${value.constructor?.name ?? 'class instance'}`
}
