/** How deep a state may be nested before it is taken for one that cannot be copied. */
const depthMax = 500

/** Instead of a copy: what there is more to than its values. */
const none = Symbol('no copy')

type Seen = Map<object, unknown>

/**
 * A copy of a state that shares nothing with it that could be changed, so that whoever changes the one in place does not
 * change the other. Undefined where no exact copy can be made: of instances of classes, functions, accessors. What is
 * frozen through and through is its own copy.
 *
 * `structuredClone` would not do: it turns instances into plain objects and accessors into values without a word, and
 * takes twice as long.
 */
export function copied<State>(state: State): { readonly copy: State } | undefined {
  const copy = copyOf(state, new Map(), 0)
  return copy === none ? undefined : { copy: copy as State }
}

function copyOf(value: unknown, seen: Seen, depth: number): unknown {
  if (typeof value === 'function') return none
  if (typeof value !== 'object' || value === null) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  if (depth > depthMax) return none
  switch (Object.getPrototypeOf(value)) {
    case Object.prototype:
      return copyOfObject(value, {}, seen, depth)
    case null:
      return copyOfObject(value, Object.create(null), seen, depth)
    case Array.prototype:
      return copyOfArray(value as readonly unknown[], seen, depth)
    case Map.prototype:
      return isBare(value) ? copyOfMap(value as ReadonlyMap<unknown, unknown>, seen, depth) : none
    case Set.prototype:
      return isBare(value) ? copyOfSet(value as ReadonlySet<unknown>, seen, depth) : none
    case Date.prototype:
      return isBare(value) ? new Date((value as Date).getTime()) : none
    case Uint8Array.prototype:
      return (value as Uint8Array).slice()
    default:
      return none
  }
}

function copyOfObject(original: object, copy: Record<string, unknown>, seen: Seen, depth: number): unknown {
  const keys = Object.keys(original)
  // Property descriptors would tell the same and take three times as long.
  const isPlain =
    Object.getOwnPropertyNames(original).length === keys.length && Object.getOwnPropertySymbols(original).length === 0
  if (!isPlain) return none
  // Before its members: one of them may lead back to it.
  seen.set(original, copy)
  let isSame = true
  for (const key of keys) {
    if (getterOf.call(original, key) !== undefined) return none
    const value = (original as Readonly<Record<string, unknown>>)[key]
    const valueCopy = copyOf(value, seen, depth + 1)
    if (valueCopy === none) return none
    isSame &&= valueCopy === value
    // Assigned, it would become the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: valueCopy, ...ordinary })
    else copy[key] = valueCopy
  }
  return copyOrOriginal(original, copy, isSame, seen)
}

const ordinary = { configurable: true, enumerable: true, writable: true }

const getterOf: (this: object, key: string) => unknown = Reflect.get(Object.prototype, '__lookupGetter__')

function copyOfArray(original: readonly unknown[], seen: Seen, depth: number): unknown {
  // It has holes, or properties beside its items.
  if (Object.keys(original).length !== original.length) return none
  const copy: unknown[] = []
  seen.set(original, copy)
  let isSame = true
  for (const value of original) {
    const valueCopy = copyOf(value, seen, depth + 1)
    if (valueCopy === none) return none
    isSame &&= valueCopy === value
    copy.push(valueCopy)
  }
  return copyOrOriginal(original, copy, isSame, seen)
}

function copyOrOriginal(original: object, copy: object, isSame: boolean, seen: Seen): unknown {
  if (Object.isExtensible(original)) return copy
  if (!Object.isFrozen(original)) return none
  if (!isSame) return Object.freeze(copy)
  seen.set(original, original)
  return original
}

function copyOfMap(original: ReadonlyMap<unknown, unknown>, seen: Seen, depth: number): unknown {
  const copy = new Map<unknown, unknown>()
  seen.set(original, copy)
  for (const [key, value] of original) {
    const keyCopy = copyOf(key, seen, depth + 1)
    const valueCopy = copyOf(value, seen, depth + 1)
    if (keyCopy === none || valueCopy === none) return none
    copy.set(keyCopy, valueCopy)
  }
  return copy
}

function copyOfSet(original: ReadonlySet<unknown>, seen: Seen, depth: number): unknown {
  const copy = new Set<unknown>()
  seen.set(original, copy)
  for (const value of original) {
    const valueCopy = copyOf(value, seen, depth + 1)
    if (valueCopy === none) return none
    copy.add(valueCopy)
  }
  return copy
}

/** Whether there is nothing to a Map, a Set or a Date but what it holds. */
function isBare(value: object): boolean {
  return Object.isExtensible(value) && Reflect.ownKeys(value).length === 0
}
