// Run by claims.test.ts: check-in-until-killed.ts <folder> <first number> <dies after this many check-ins, 0 for never>
// By the clock a kill rarely falls between the check-in and the append, so half of the deaths are put there.
import { claimCheck } from 'varve'
import { blobsIn, contractBytes, openContracts } from './contracts.ts'

const [folder = '', first, diesAfter] = process.argv.slice(2)
const store = openContracts(folder)
const claims = claimCheck(blobsIn(folder))
let left = Number(diesAfter)

process.stdout.write('working\n')
for (let number = Number(first); ; number++) {
  const scan = await claims.check(contractBytes(number), { contentType: 'application/pdf' })
  if (--left === 0) process.kill(process.pid, 'SIGKILL')
  await store.append(`Contract-${number}`, [{ type: 'ContractSigned', data: { number, scan } }])
}
