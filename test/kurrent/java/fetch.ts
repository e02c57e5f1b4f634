// node test/kurrent/java/fetch.ts: gets the jars of KurrentDB's Java client, for the test that runs it.

import { clientJars } from './jars.ts'

await clientJars.fetch()
