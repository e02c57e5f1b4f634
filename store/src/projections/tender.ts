import { isVarveError } from '../model/errors.ts'
import { type ProjectionControl, recordOf } from './control.ts'
import type { GenerationTargets } from './generation-targets.ts'
import { dropRetired, isRetired, type Showing, showDue } from './generations.ts'
import type { MemberView } from './ownership.ts'
import { reasonOf } from './parking.ts'
import { checkpointName } from './partition-run.ts'
import type { Problems } from './problems.ts'
import type { Projection } from './projection.ts'
import type { ProjectionShelf, SharedView } from './projection-shelf.ts'

/** What looking after generations needs. */
export interface TenderParts extends Pick<Showing, 'swap' | 'keepsPrevious' | 'log'> {
  readonly shelf: ProjectionShelf
  readonly projections: ReadonlyMap<string, Projection<unknown>>
  readonly targets: GenerationTargets
  readonly problems: Problems
}

/** The instances at one look, and which of them this one is. */
export interface Present {
  readonly me: string
  readonly living: readonly MemberView[]
}

/**
 * Shows generations that are due and removes those whose time is over: of each projection, one instance does. Gives what is
 * agreed on now about those that were tended here. A target that is away holds up its own projection, and no other one.
 */
export type Tender = (view: SharedView, present: Present) => Promise<readonly ProjectionControl[]>

/**
 * Targets that are asked at one look which generation readers see: with 50 projections, asking all of them each time would
 * be most of what an idle instance costs.
 */
const targetsPerLook = 4

/**
 * Looks for which a generation is held back because the one that readers see has gone further meanwhile. Where both are
 * written to without a rest, none of them may be that in which both are at one place.
 */
const heldBackMax = 20

/** Has not looked yet. */
export function createTender({ shelf, projections, targets, problems, ...options }: TenderParts): Tender {
  let looks = 0
  const heldBack = new Map<string, number>()

  /** Readers have seen what is saved, which is more than what a partition tells of itself: that is a moment old. */
  async function isBehindReaders(projection: Projection<unknown>, control: ProjectionControl, reached: number) {
    const { name, published } = control
    if (published === undefined || (heldBack.get(name) ?? 0) >= heldBackMax) return false
    const { partitions } = recordOf(control, published)
    const target = await targets.of(projection, published)
    const numbers = Array.from({ length: partitions }, (_, index) => index + 1)
    const saved = await Promise.all(numbers.map((n) => target.checkpoint(checkpointName({ name, partitions }, n))))
    const isBehind = saved.some((checkpoint) => checkpoint !== undefined && checkpoint.position > reached)
    if (isBehind) heldBack.set(name, (heldBack.get(name) ?? 0) + 1)
    return isBehind
  }

  async function tend(
    projection: Projection<unknown>,
    showing: Pick<Showing, 'kept' | 'entries' | 'looksAtTarget'>,
    isAlive: (instance: string) => boolean,
  ): Promise<ProjectionControl> {
    const isBehind = (control: ProjectionControl, reached: number) => isBehindReaders(projection, control, reached)
    const control = await showDue(shelf, projection, { ...showing, ...options, isBehind })
    if (control.published !== showing.kept.value.published) heldBack.delete(projection.name)
    if (control.generations.some(isRetired)) {
      await dropRetired(shelf, projection, showing.entries, { isAlive, close: targets.close })
    }
    return control
  }

  return async ({ controls, partitions }, { me, living }) => {
    const agreed: ProjectionControl[] = []
    const isAlive = (id: string): boolean => living.some((member) => member.id === id)
    for (const [index, kept] of controls.entries()) {
      const { name } = kept.value
      const projection = projections.get(name)
      if (projection === undefined || firstOf(living, name) !== me) continue
      const entries = partitions.map(({ value }) => value).filter((entry) => entry.projection === name)
      const looksAtTarget = (index + looks) % Math.ceil(controls.length / targetsPerLook) === 0
      try {
        agreed.push(await tend(projection, { kept, entries, looksAtTarget }, isAlive))
        problems.areOver(`tend ${name}`)
      } catch (error) {
        if (isOfStore(error)) throw error
        const level = isVarveError(error) && error.retryable ? 'warn' : 'error'
        const text = `Its generations could not be looked after: ${reasonOf(error).reason} It is tried again.`
        problems.are(`tend ${name}`, { level, projection: name, text, error })
      }
    }
    looks++
    return agreed
  }
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
