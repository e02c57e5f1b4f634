import { InvalidArgument } from '../../model/errors.ts'

/**
 * A deep copy of plain data: maps, sets, arrays, objects, dates and bytes, with what is shared inside of it shared in the
 * copy as well. `structuredClone` would strip class instances of their methods without a word.
 *
 * @throws INVALID_ARGUMENT for anything else.
 */
export function plainCopy<Value>(value: Value): Value {
  return copied(value, new Map()) as Value
}

function copied(value: unknown, seen: Map<object, object>): unknown {
  if (typeof value === 'function') throw uncopied('a function')
  if (typeof value !== 'object' || value === null) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  if (value instanceof Map) {
    const copy = remembered(value, new Map(), seen)
    for (const [key, item] of value) copy.set(copied(key, seen), copied(item, seen))
    return copy
  }
  if (value instanceof Set) {
    const copy = remembered(value, new Set(), seen)
    for (const item of value) copy.add(copied(item, seen))
    return copy
  }
  if (Array.isArray(value)) {
    const copy = remembered(value, new Array<unknown>(value.length), seen)
    for (const [index, item] of value.entries()) copy[index] = copied(item, seen)
    return copy
  }
  if (value instanceof Date || ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return remembered(value, structuredClone(value) as object, seen)
  }
  return copiedObject(value, seen)
}

function copiedObject(value: object, seen: Map<object, object>): object {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw uncopied(`an instance of ${nameOf(value)}`)
  const copy = remembered<Record<string, unknown>>(value, prototype === null ? Object.create(null) : {}, seen)
  for (const key of Object.keys(value)) {
    const item = copied((value as Record<string, unknown>)[key], seen)
    // A key of this name would otherwise set the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: item, ...ordinary })
    else copy[key] = item
  }
  return copy
}

const ordinary = { enumerable: true, configurable: true, writable: true } as const

function remembered<Copy extends object>(value: object, copy: Copy, seen: Map<object, object>): Copy {
  seen.set(value, copy)
  return copy
}

function nameOf(value: object): string {
  return JSON.stringify(value.constructor?.name ?? 'a class')
}

function uncopied(what: string): InvalidArgument {
  return new InvalidArgument('copy', `is missing: the read model holds ${what}, so give a function that copies it`)
}
