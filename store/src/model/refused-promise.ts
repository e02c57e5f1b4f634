/**
 * Whether a value is a promise, where none may be. Its author is told by the refusal, and nobody hears any more what the
 * promise rejects with: unheard, that would end the process.
 */
export function isRefusedPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false
  Promise.resolve(value).catch(() => undefined)
  return true
}
