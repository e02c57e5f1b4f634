/** How long a consumer took for its last events. */
export interface Latencies {
  /** Notes how long one took, in milliseconds. */
  add(ms: number): void
  /** What KurrentDB tells of them, in its words; nothing as long as there are none. */
  measurements(): readonly { readonly key: string; readonly value: number }[]
}

/** Events whose times are kept, the last ones. */
const keptMax = 1_000

const quintiles = [20, 40, 60, 80, 100].map((percent, index) => [`Quintile ${index + 1}`, percent] as const)
const tails = ['90%', '95%', '99%', '99.5%', '99.9%'].map((key) => [key, Number.parseFloat(key)] as const)

/** No times yet. */
export function newLatencies(): Latencies {
  const kept: number[] = []
  let next = 0
  return {
    add: (ms) => {
      kept[next] = Math.max(Math.round(ms), 0)
      next = (next + 1) % keptMax
    },
    measurements: () => {
      if (kept.length === 0) return []
      const sorted = [...kept].sort((a, b) => a - b)
      const at = (percent: number): number => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0
      const mean = Math.round(sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length)
      const ranks = [['Median', 50], ['Fastest', 0], ...quintiles, ...tails, ['Highest', 100]] as const
      return [
        { key: 'Mean', value: mean },
        ...ranks.map(([key, percent]) => ({ key, value: percent === 0 ? (sorted[0] ?? 0) : at(percent) })),
      ]
    },
  }
}
