import type { TestProject } from 'vitest/node'
import { type Lender, lender } from './lender.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where tests ask for the PostgreSQL cluster that all of them share. */
    readonly postgresSocket: string
  }
}

let lending: Lender | undefined

/** Called by Vitest before the first test. */
export async function setup(project: TestProject): Promise<void> {
  lending = await lender()
  project.provide('postgresSocket', lending.socket)
}

/** Called by Vitest after the last test. */
export async function teardown(): Promise<void> {
  await lending?.close()
}
