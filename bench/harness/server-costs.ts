import { readdirSync, readFileSync } from 'node:fs'

/** Ticks per second of `/proc`, which Linux keeps at 100 for every program, whatever the kernel uses itself. */
const usPerTick = 10_000

/**
 * Starts counting the CPU time of a PostgreSQL server: the postmaster, its children, and those that have ended since.
 * Undefined where there is no `/proc`.
 */
export function serverCosts(postmaster: number): () => number | undefined {
  const before = cpuUs(postmaster)
  return () => {
    const now = cpuUs(postmaster)
    return now === undefined || before === undefined ? undefined : now - before
  }
}

function cpuUs(postmaster: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    const [parent, own, ofEnded] = /^\d+$/.test(name) ? ticksOf(name) : []
    if (Number(name) === postmaster) ticks += (own ?? 0) + (ofEnded ?? 0)
    else if (parent === postmaster) ticks += own ?? 0
  }
  return ticks * usPerTick
}

/** The parent of a process, its own ticks, and those of its children that have ended; see proc_pid_stat(5). */
function ticksOf(pid: string): readonly number[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything, so counting begins behind it, with the state as the third field.
    const field = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    return [field[1] ?? 0, (field[11] ?? 0) + (field[12] ?? 0), (field[13] ?? 0) + (field[14] ?? 0)]
  } catch {
    return []
  }
}
