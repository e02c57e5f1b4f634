import type { RegisterTest } from './case.ts'

/** Registers one case as a test; `run` gives the reason when it does not apply. */
export function register(test: RegisterTest, name: string, run: () => Promise<string | undefined>): void {
  // Rest arguments, since mocha takes a function with a parameter for one that calls back.
  test(name, async function (this: unknown, ...given: unknown[]) {
    const reason = await run()
    if (reason !== undefined) skip(given[0] ?? this, reason)
  })
}

function skip(running: unknown, reason: string): void {
  if (typeof running === 'object' && running !== null && 'skip' in running && typeof running.skip === 'function') {
    running.skip(reason)
  }
}
