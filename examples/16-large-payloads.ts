// A scanned contract goes to a blob store, its claim into the event. Run with: node examples/16-large-payloads.ts
import assert from 'node:assert/strict'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type Claim, claimCheck, collectOrphans, defineEvents, event, fileBlobs, openStore, verifyBlobs } from 'varve'
import { sqlite } from 'varve/sqlite'

const folder = mkdtempSync('large-payloads-')
const scanned = join(folder, 'contract.pdf')
writeFileSync(scanned, Buffer.alloc(5_000_000, '%PDF pages and pages '))

const contractEvents = defineEvents({ ContractSigned: event<{ by: string; scan: Claim }>() })
const store = openStore({ engine: sqlite({ path: join(folder, 'store.db') }) })
const contracts = store.category('Contract', contractEvents)
const blobs = fileBlobs({ directory: join(folder, 'blobs') })
const claims = claimCheck(blobs)

// First the bytes, durably, then the event that names them. Whoever dies in between leaves an orphan, never a loose claim.
const scan = await claims.check(createReadStream(scanned), { contentType: 'application/pdf' })
await contracts.stream('7').append([{ type: 'ContractSigned', data: { by: 'ada', scan } }])

// Reading the event reads no blob. Whoever needs the bytes redeems the claim, in chunks here, proven at the end.
const signed = await contracts.stream('7').read().last()
assert.deepEqual(signed?.data, { by: 'ada', scan })
await pipeline(claims.stream(signed.data.scan), createWriteStream(join(folder, 'copy.pdf')))
console.log(
  `Contract 7 was signed by ${signed.data.by}: ${signed.data.scan.bytes} bytes of ${signed.data.scan.contentType}`,
)

// A blob whose event was never appended is set aside by one collection and removed by a later one. Each leaves it the grace
// period first: 7 days by default, a moment here.
await claims.check(new TextEncoder().encode('a draft that nobody signed'))
await pause(50)
const first = await collectOrphans(blobs, [store], { olderThanMs: 10 })
await pause(50)
const second = await collectOrphans(blobs, [store], { olderThanMs: 10 })
assert.deepEqual([first.setAside, first.named, second.removed, second.named], [1, 1, 1, 1])

for await (const finding of verifyBlobs(blobs, [store])) assert.equal(finding.state, 'sound')
console.log(`Blobs named by events: ${second.named}, orphans removed: ${second.removed}`)

await store.close()
rmSync(folder, { recursive: true })
