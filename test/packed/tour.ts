/** The tour of the README: its code, and the output that the README says it has. */
export interface Tour {
  readonly code: string
  readonly output: string
}

/**
 * Finds the tour: the `ts` block after the mark `<!-- tour -->`, and the block after that, which is its output.
 * Output that the README leaves open would be a promise nobody checks, so it has to be there.
 */
export function tourOf(readme: string): Tour {
  const blocks = /<!-- tour -->\s*^```ts\n(?<code>.*?)^```$.*?^```\w*\n(?<output>.*?)^```$/ms.exec(readme)?.groups
  if (blocks?.code === undefined || blocks.output === undefined) {
    throw new Error(
      'README.md needs the mark <!-- tour -->, a ts block after it, and a block with its output after that.',
    )
  }
  return { code: blocks.code, output: blocks.output }
}
