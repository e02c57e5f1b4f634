import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { durability } from '../engines.ts'

/** What a number has to be read with. */
export interface Conditions {
  readonly at: string
  readonly commit: string
  readonly preset: string
  readonly machine: string
  readonly system: string
  readonly node: string
  readonly sqlite: string
  /** The server and its settings, in a workload that has one. */
  readonly postgres?: string
  /** Of the last minute, when the run began: what others were doing. */
  readonly loadAverage: number
  readonly durability: Readonly<Record<string, string>>
}

/** The conditions of a run that begins now. */
export function conditionsNow(preset: string): Conditions {
  const processors = cpus()
  return {
    at: new Date().toISOString(),
    commit: commit(),
    preset,
    machine: `${processors.length} x ${processors[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? 'none',
    loadAverage: loadavg()[0] ?? Number.NaN,
    durability,
  }
}

/** The commit measured, marked when the working tree had changes. */
function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    }).trim()
  } catch {
    return 'unknown'
  }
}
