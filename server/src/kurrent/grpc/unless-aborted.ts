/** What a promise gives, unless the signal aborts first: then rejects with the signal's reason. */
export function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    const settled = (): void => signal.removeEventListener('abort', abort)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    promise.finally(settled).then(resolve, reject)
  })
}
