/** The middle of several runs, and how far they lay apart. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** A quantile of ascending values, the nearest one that was really there. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

/** Median, least and most of the values that are there. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((left, right) => left - right)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 0
      ? ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
      : (sorted[Math.floor(middle)] as number)
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}
