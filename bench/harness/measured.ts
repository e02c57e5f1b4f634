import { readFileSync } from 'node:fs'

/** What one run of one candidate gave: numbers by name, the unit last in the name. */
export type Measured = Readonly<Record<string, number>>

/** What a process used up. */
export interface Costs {
  readonly cpuUs: number
  /**
   * Bytes handed to write calls, log, checkpoints and all. Undefined where the kernel does not tell. Not `write_bytes`:
   * that counts a page of the cache once however often it is rewritten before it goes to disk.
   */
  readonly bytesWritten: number | undefined
}

/** Starts counting what this process uses; the result tells how much it was so far. */
export function processCosts(): () => Costs {
  const cpuBefore = process.cpuUsage()
  const bytesBefore = bytesWritten()
  return () => {
    const { user, system } = process.cpuUsage(cpuBefore)
    const bytesNow = bytesWritten()
    return {
      cpuUs: user + system,
      bytesWritten: bytesNow === undefined || bytesBefore === undefined ? undefined : bytesNow - bytesBefore,
    }
  }
}

/** Linux counts for every process; elsewhere nobody does. */
function bytesWritten(): number | undefined {
  if (process.platform !== 'linux') return undefined
  const found = /^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
  return found === null ? undefined : Number(found[1])
}
