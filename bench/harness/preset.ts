import { parseArgs } from 'node:util'
import { engineNames } from '../engines.ts'

/** How long a run may take, and on which engines. */
export interface Preset {
  readonly name: 'quick' | 'full'
  readonly rounds: number
  readonly warmUpMs: number
  readonly windowMs: number
  readonly engines: readonly string[]
}

/** `full` warms up for as long as compiling goes on: what it measures is a process that has been running for a while. */
const presets = {
  quick: { name: 'quick', rounds: 3, warmUpMs: 300, windowMs: 600 },
  full: { name: 'full', rounds: 7, warmUpMs: 4_000, windowMs: 1_500 },
} as const

/** The preset that the command line asks for: `--quick` (default) or `--full`, `--rounds n`, `--engine a,b`. */
export function presetFrom(args: readonly string[]): Preset {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      rounds: { type: 'string' },
      engine: { type: 'string' },
    },
  })
  const preset = presets[values.full === true ? 'full' : 'quick']
  const rounds = Number(values.rounds ?? preset.rounds)
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new RangeError('--rounds is not a whole number from 1 on')
  const engines = values.engine?.split(',') ?? engineNames
  const unknown = engines.find((engine) => !engineNames.includes(engine))
  if (unknown !== undefined) throw new RangeError(`There is no engine ${unknown}. Engines: ${engineNames.join(', ')}.`)
  return { ...preset, rounds, engines }
}
