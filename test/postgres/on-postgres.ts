import { describe, inject, it } from 'vitest'
import { distributions, npmMajor, whyMissing } from './distribution.ts'
import { borrowed, type LentCluster } from './lender.ts'

/** One PostgreSQL that tests may use. */
export interface Postgres {
  readonly major: number
  /** The cluster that all tests share; starting it takes the first that asks up to 3 seconds. */
  cluster(): Promise<LentCluster>
}

/**
 * Specifies something for every PostgreSQL of this machine. Where there is none the tests are skipped, and the reason is
 * printed, but not in CI on a platform that npm has one for: there it would hide a broken install.
 */
export function onPostgres(specify: (postgres: Postgres) => void): void {
  const reason = whyMissing(npmMajor)
  if (reason !== undefined) skipAloud(`PostgreSQL ${npmMajor}`, reason)
  for (const { major } of distributions()) {
    describe(`PostgreSQL ${major}`, () => {
      specify({ major, cluster: () => borrowed(inject('postgresSocket'), major) })
    })
  }
}

/** Leaves a skipped test with its reason in its name, and prints it; fails where everything has to be there. */
export function skipAloud(what: string, reason: string): void {
  const mayNotSkip = process.env.CI !== undefined && process.platform === 'linux' && process.arch === 'x64'
  if (mayNotSkip) {
    it(`runs on ${what}`, () => {
      throw new Error(`${reason}; in CI it has to be there.`)
    })
    return
  }
  process.stderr.write(`Skipped: ${what}, because ${reason}.\n`)
  it.skip(`runs on ${what} (${reason})`)
}
