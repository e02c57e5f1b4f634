import type { Projection } from 'varve'
import { CliFailure, exitCodes } from './failure.ts'
import { exportsOf } from './user-module.ts'

/**
 * Loads a module of the user's and gathers the projections that it exports: results of `defineProjection`, and lists or
 * objects of them.
 *
 * @throws CliFailure when there are none, or not those that are asked for.
 */
export async function loadProjections(
  modulePath: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Projection<unknown>[]> {
  const exported = Object.values(await exportsOf(modulePath, signal))
  const found = new Set(exported.flatMap((value) => [value, ...partsOf(value)]).filter(isProjection))
  if (found.size === 0) {
    throw new CliFailure(`${modulePath} exports no projections. Export what defineProjection returns.`, exitCodes.usage)
  }
  const unknown = names.find((name) => ![...found].some((projection) => projection.name === name))
  if (unknown !== undefined) {
    const known = [...found].map(({ name }) => name).join(', ')
    throw new CliFailure(`${modulePath} exports no projection ${unknown}. It exports ${known}.`, exitCodes.usage)
  }
  return [...found].filter(({ name }) => names.length === 0 || names.includes(name))
}

/** What plain objects and lists hold; instances of classes may do anything when they are looked into. */
function partsOf(value: unknown): readonly unknown[] {
  const isPlain =
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value))
  return isPlain && !isProjection(value) ? Object.values(value) : []
}

/** The module may have a copy of the package of its own, so that shapes are compared, not classes. */
function isProjection(value: unknown): value is Projection<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { name, version, handle, keyOf, target } = value as Partial<Projection<unknown>>
  return (
    typeof name === 'string' &&
    typeof version === 'number' &&
    typeof handle === 'function' &&
    typeof keyOf === 'function' &&
    typeof target?.write === 'function'
  )
}
