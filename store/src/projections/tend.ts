import { isVarveError } from '../model/errors.ts'
import type { ProjectionControl } from './control.ts'
import { type Dropping, dropRetired, isRetired, type Showing, showDue } from './generations.ts'
import type { MemberView } from './ownership.ts'
import { reasonOf } from './parking.ts'
import type { Problems } from './problems.ts'
import type { Projection } from './projection.ts'
import type { ProjectionShelf, SharedView } from './projection-shelf.ts'

/** What tending generations needs. */
export interface Tending extends Pick<Showing, 'swap' | 'keepsPrevious' | 'log'> {
  readonly shelf: ProjectionShelf
  readonly projections: ReadonlyMap<string, Projection<unknown>>
  readonly me: string
  readonly living: readonly MemberView[]
  readonly close: Dropping['close']
  /** Looks that came before. */
  readonly looks: number
  readonly problems: Problems
}

/**
 * Targets that are asked at one look which generation readers see: with 50 projections, asking all of them each time would
 * be most of what an idle instance costs.
 */
const targetsPerLook = 4

/**
 * Shows generations that are due and removes those whose time is over: of each projection, one instance does. Gives what is
 * agreed on now about those that were tended here. A target that is away holds up its own projection, and no other one.
 */
export async function tendGenerations(
  { controls, partitions }: SharedView,
  { shelf, projections, me, living, close, looks, problems, ...options }: Tending,
): Promise<readonly ProjectionControl[]> {
  const isAlive = (id: string): boolean => living.some((member) => member.id === id)
  const agreed: ProjectionControl[] = []
  for (const [index, kept] of controls.entries()) {
    const projection = projections.get(kept.value.name)
    if (projection === undefined || firstOf(living, projection.name) !== me) continue
    const { name } = projection
    const entries = partitions.map(({ value }) => value).filter((entry) => entry.projection === name)
    const looksAtTarget = (index + looks) % Math.ceil(controls.length / targetsPerLook) === 0
    try {
      const control = await showDue(shelf, projection, { kept, entries, looksAtTarget, ...options })
      agreed.push(control)
      if (control.generations.some(isRetired)) await dropRetired(shelf, projection, entries, { isAlive, close })
      problems.areOver(`tend ${name}`)
    } catch (error) {
      if (isOfStore(error)) throw error
      const level = isVarveError(error) && error.retryable ? 'warn' : 'error'
      const text = `Its generations could not be looked after: ${reasonOf(error).reason} It is tried again.`
      problems.are(`tend ${name}`, { level, projection: name, text, error })
    }
  }
  return agreed
}

/** What concerns all projections alike. */
function isOfStore(error: unknown): boolean {
  return isVarveError(error, 'ENGINE_UNAVAILABLE') || isVarveError(error, 'STORE_CLOSED')
}

/** The one that does what one alone has to do. */
function firstOf(living: readonly MemberView[], projection: string): string | undefined {
  return living
    .filter(({ versions }) => projection in versions)
    .map(({ id }) => id)
    .sort()[0]
}
