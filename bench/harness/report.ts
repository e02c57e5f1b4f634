import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Conditions } from './conditions.ts'
import type { Rounds } from './interleave.ts'
import { type Summary, summarise } from './statistics.ts'

/** What one workload gave. */
export interface Report {
  readonly workload: string
  readonly conditions: Conditions
  readonly sections: readonly Section[]
  readonly bars: readonly Bar[]
}

/** Candidates measured side by side. */
export interface Section {
  readonly title: string
  /** The candidate that ratios are taken to. */
  readonly reference: string
  readonly rounds: number
  readonly rows: readonly Row[]
}

/** One candidate: each of its numbers over the rounds, and its ratio to the reference. */
export interface Row {
  readonly candidate: string
  readonly values: Readonly<Record<string, Summary>>
  readonly ratio: Summary
}

/** What a number must reach. */
export interface Bar {
  readonly what: string
  readonly measured: Summary
  readonly bound: 'at least' | 'at most'
  readonly limit: number
}

/** Candidates side by side; ratios are taken per round, then summarised, so that a slow minute touches both sides. */
export function section(title: string, rounds: Rounds, compare: { readonly to: string; readonly by: string }): Section {
  const rows = [...rounds].map(([candidate, measured]): Row => {
    const names = [...new Set(measured.flatMap((round) => Object.keys(round)))]
    const values = names.map((name) => [name, summarise(measured.map((round) => round[name] ?? Number.NaN))] as const)
    return { candidate, values: Object.fromEntries(values), ratio: ratio(rounds, { of: candidate, ...compare }) }
  })
  return { title, reference: compare.to, rounds: rounds.get(compare.to)?.length ?? 0, rows }
}

/** One number of a candidate over the same number of another one, round by round. */
export function ratio(
  rounds: Rounds,
  compare: { readonly of: string; readonly to: string; readonly by: string },
): Summary {
  const reference = rounds.get(compare.to) ?? []
  const measured = rounds.get(compare.of) ?? []
  return summarise(
    measured.map((round, at) => (round[compare.by] ?? Number.NaN) / (reference[at]?.[compare.by] ?? Number.NaN)),
  )
}

/** Whether the median holds. */
export function holds({ measured, bound, limit }: Bar): boolean {
  return bound === 'at least' ? measured.median >= limit : measured.median <= limit
}

/** Prints a report as tables and keeps it as `results/<workload>.json`. */
export function publish(report: Report): void {
  const { conditions } = report
  console.log(`# ${report.workload}\n`)
  console.log(
    `${conditions.machine}, ${conditions.system}, Node ${conditions.node}, SQLite ${conditions.sqlite}, ` +
      `commit ${conditions.commit}, load ${conditions.loadAverage.toFixed(1)}, preset ${conditions.preset}\n`,
  )
  if (conditions.postgres !== undefined) console.log(`${conditions.postgres}\n`)
  for (const one of report.sections) console.log(`${table(one)}\n`)
  if (report.bars.length > 0) console.log(`${bars(report.bars)}\n`)
  const folder = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${report.workload}.json`, `${JSON.stringify(report, undefined, 2)}\n`)
}

/** A section as a Markdown table. */
export function table({ title, reference, rounds, rows }: Section): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.values)))]
  const cells = rows.map(({ candidate, values, ratio: toReference }) => [
    candidate,
    ...names.map((name) => (values[name] === undefined ? '-' : shown(values[name]))),
    candidate === reference ? '1' : shown(toReference),
  ])
  const head = ['', ...names.map(heading), `x ${reference}`]
  return [
    `${title} (median of ${rounds}, least-most)`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...cells.map(line),
  ].join('\n')
}

function bars(all: readonly Bar[]): string {
  const rows = all.map((bar) => [
    bar.what,
    `${bar.bound} ${bar.limit}`,
    shown(bar.measured),
    holds(bar) ? 'held' : 'MISSED',
  ])
  return [line(['bar', 'asked', 'measured', '']), line(['---', '---', '---', '---']), ...rows.map(line)].join('\n')
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** `eventsPerSecond` as a heading: `events per second`. */
function heading(name: string): string {
  return name.replace(/[A-Z][a-z]*/g, (word) => ` ${word.toLowerCase()}`)
}

function shown({ median, min, max }: Summary): string {
  return min === max ? short(median) : `${short(median)} (${short(min)}-${short(max)})`
}

function short(value: number): string {
  if (Number.isNaN(value)) return '-'
  if (value >= 10_000) return `${Math.round(value / 1000)}k`
  if (value >= 1_000) return `${(value / 1000).toFixed(1)}k`
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)
}
