import { describe, inject, it } from 'vitest'
import { thorough } from '../thorough.ts'
import { type Distribution, distributions, npmMajor, whyMissing } from './distribution.ts'
import { borrowed, type LentCluster } from './lender.ts'

/** One PostgreSQL that tests may use. */
export interface Postgres {
  readonly major: number
  /** The cluster that all tests share; starting it takes the first that asks some seconds. */
  cluster(): Promise<LentCluster>
}

/**
 * Specifies something for every PostgreSQL of this machine: what the engine's SQL does. Where there is none the tests are
 * skipped, and the reason is printed, but not in CI on a platform that npm surely has one for: there it would hide a broken
 * install.
 */
export function onEveryPostgres(specify: (postgres: Postgres) => void): void {
  specifyOn(distributions(), specify)
}

/** The same for the newest, and with VARVE_THOROUGH=1 for all: what is built on the engine. */
export function onPostgres(specify: (postgres: Postgres) => void): void {
  specifyOn(thorough ? distributions() : distributions().slice(0, 1), specify)
}

/** The same on the newest alone: for what is the same on all of them, is tried in part on all of them, and takes its time. */
export function onNewestPostgres(specify: (postgres: Postgres) => void): void {
  specifyOn(distributions().slice(0, 1), specify)
}

function specifyOn(found: readonly Distribution[], specify: (postgres: Postgres) => void): void {
  const reason = sayWhy(whyMissing(npmMajor))
  if (reason !== undefined) missing(reason)
  for (const { major } of found) {
    describe(`PostgreSQL ${major}`, () => {
      specify({ major, cluster: () => borrowed(inject('postgresSocket'), major) })
    })
  }
}

/** Prints the reason to skip something, if there is one, and hands it on. */
export function sayWhy(reason: string | undefined): string | undefined {
  if (reason !== undefined) process.stderr.write(`Skipped: ${reason}.\n`)
  return reason
}

function missing(reason: string): void {
  const hasToBeThere = process.env.CI !== undefined && process.platform === 'linux' && process.arch === 'x64'
  it.skipIf(!hasToBeThere)(`PostgreSQL ${npmMajor} runs here`, () => {
    throw new Error(`${reason}; in CI it has to be there.`)
  })
}
