// Run by claims.test.ts: collect-until-killed.ts <folder>
// Sets aside and removes orphans that it makes itself, without end and without a grace period.
import { claimCheck, collectOrphans } from 'varve'
import { blobsIn, openContracts } from './contracts.ts'

const [folder = ''] = process.argv.slice(2)
const store = openContracts(folder)
const blobs = blobsIn(folder)
const claims = claimCheck(blobs)

process.stdout.write('working\n')
for (let round = 0; ; round++) {
  for (let orphan = 0; orphan < 10; orphan++)
    await claims.check(Buffer.from(`orphan ${process.pid} ${round} ${orphan}`))
  await collectOrphans(blobs, [store], { olderThanMs: 0, whenNoneIsNamed: 'collect' })
}
