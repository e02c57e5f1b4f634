import type { NormalQueryItem } from '../../model/query.ts'

/** What a filtered page is asked with. */
export interface FilteredRead {
  readonly items: readonly NormalQueryItem[]
  readonly direction: 'forward' | 'backward'
  readonly from: number
  readonly limit: number
  readonly maxBytes: number
}

/** The entries that a page walks, as `walked`, and the place up to which all of them were, as `horizon`: null for all. */
export function walkedTo({ direction }: FilteredRead, walks: readonly string[]): string {
  const [nearest, farthest] = direction === 'forward' ? ['min', 'max'] : ['max', 'min']
  return `walked as materialized (${walks.join('\nunion all ')}),
  horizon as materialized (
    select ${nearest}(w.edge) as at from (
      select ${farthest}(position) as edge from walked group by kind, term having count(*) = $4) as w)`
}
