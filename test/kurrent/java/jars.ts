// What programs with KurrentDB's Java client run from.

import { hasProgram, type Jars, pinnedJars } from '../../java/jars.ts'

/** The jars of the client. */
export const clientJars: Jars = pinnedJars(new URL('./jars.txt', import.meta.url), 'kurrentdb-java')

/** Why no program runs here, undefined when everything that it needs is there. Fetches nothing. */
export function whyNoJavaClient(): string | undefined {
  if (!hasProgram('javac')) return "javac is not installed, which KurrentDB's Java client is tried with (17 or later)"
  return clientJars.areThere()
    ? undefined
    : "the jars of KurrentDB's Java client are not there (node test/kurrent/java/fetch.ts gets them from Maven Central)"
}
