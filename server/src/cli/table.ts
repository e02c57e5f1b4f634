import type { Look, Terminal } from './terminal.ts'
import { visible } from './visible.ts'

/** One cell of a table. */
export interface Cell {
  readonly text: string
  readonly look?: Look
  /** Numbers stand below each other by their last digit. */
  readonly isNumber?: boolean
}

/** A table for a person: columns of even width below a heading. */
export function tableLines(
  { styled }: Pick<Terminal, 'styled'>,
  heading: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const shown = rows.map((cells) => cells.map((cell) => ({ ...cell, text: visible(cell.text) })))
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...shown.map((cells) => cells[column]?.text.length ?? 0)),
  )
  const isNumber = heading.map((_, column) => shown.some((cells) => cells[column]?.isNumber === true))
  const padded = (text: string, column: number): string =>
    isNumber[column] === true ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)
  const lineOf = (cells: readonly Cell[]): string =>
    cells
      .map(({ text, look }, column) => {
        const cell = padded(text, column)
        return look === undefined ? cell : styled(look, cell)
      })
      .join('  ')
      .trimEnd()
  return [styled('dim', heading.map(padded).join('  ').trimEnd()), ...shown.map(lineOf)]
}
