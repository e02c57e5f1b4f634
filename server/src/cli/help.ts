import type { Command } from 'commander'
import { gathered } from './options.ts'

/** Shows how a command is used, under its help. */
export function examples(command: Command, lines: readonly (readonly [command: string, does: string])[]): void {
  const width = Math.max(...lines.map(([line]) => line.length))
  const text = lines.map(([line, does]) => `  ${line.padEnd(width)}  ${does}`).join('\n')
  command.addHelpText('after', `\nExamples:\n${text}`)
}

/** The options by which reading commands choose events. */
export function addFilters(command: Command): void {
  command
    .option('--type <type>', 'events of this type; repeat for any of several', gathered)
    .option('--tag <tag>', 'events with this tag; repeat for all of several', gathered)
    .option('--category <category>', 'streams of this category; repeat for any of several', gathered)
    .option('--prefix <prefix>', 'streams whose id begins with this')
}
