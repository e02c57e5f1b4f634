import { InvalidArgument } from '../../model/errors.ts'

/** What JSON would make an empty object of, or no object at all, and what to put instead. */
const instead: Readonly<Record<string, string>> = {
  Array: 'put an object that has the list in a field',
  Map: 'put Object.fromEntries() of it',
  Set: 'put an object that has the list of its members in a field',
  Date: 'put an object that has its toISOString() in a field',
  Promise: 'await it',
}

/**
 * A document that is put. Inside of it JSON does as it always does; one that is no plain object itself would be stored as an
 * empty one, without a word.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkDocument(document: unknown): asserts document is object {
  // One call of some 20 ns, where looking at all that is inside would cost more than the JSON.
  const tag = Object.prototype.toString.call(document)
  if (tag === '[object Object]') return
  const kind = tag.slice('[object '.length, -1)
  const advice = instead[kind] ?? 'put an object, or delete what is to be there no more'
  throw new InvalidArgument('document', `is no plain object but of the kind ${kind}: ${advice}`)
}
