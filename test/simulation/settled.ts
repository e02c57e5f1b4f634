/** Immediates that are scheduled together. */
const atOnce = 200

let left = 0
let waiting: (() => void) | undefined

/**
 * Resolves once everything that follows without waiting has happened: between two immediates Node runs all microtasks,
 * however many of them follow from each other. They are scheduled many at a time, since a turn of the event loop for each
 * of them costs more than what most of them wait for.
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    waiting = resolve
    if (left > 0) return
    for (; left < atOnce; left++) setImmediate(goOn)
  })
}

function goOn(): void {
  left--
  const resolve = waiting
  waiting = undefined
  resolve?.()
}
