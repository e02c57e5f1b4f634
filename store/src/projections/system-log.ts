import type { ProjectionLogLine } from './running-partition.ts'

/** Warnings of the process, for what is wrong: nobody has to ask for them, and `node --trace-warnings` says where. */
export function systemLog({ level, text, projection, generation, partition }: ProjectionLogLine): void {
  if (level === 'info') return
  const where = [projection, generation && `generation ${generation}`, partition && `partition ${partition}`]
  process.emitWarning(`${where.filter(Boolean).join(', ')}: ${text}`, { type: 'VarveProjection' })
}
