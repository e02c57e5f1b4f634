import { InvalidArgument } from '../model/errors.ts'
import { NoSuchProjection, ProjectionBusy } from '../model/projection-errors.ts'
import type { ProjectionControl } from './control.ts'
import type { Kept, PartitionEntry, ProjectionShelf } from './projection-shelf.ts'

/** Attempts to change an entry that others change as well. */
const attemptsMax = 20

/**
 * Changes what all instances of a projection agree on, and gives what that is then.
 *
 * @throws NO_SUCH_PROJECTION; PROJECTION_BUSY when others come first each time; whatever `change` throws.
 */
export async function changeControl(
  shelf: ProjectionShelf,
  name: string,
  change: (control: ProjectionControl) => ProjectionControl,
): Promise<ProjectionControl> {
  checkName(name)
  const { value } = await changed(name, async () => {
    const { key, value, entryVersion } = await shelf.control(name)
    if (value === undefined) throw new NoSuchProjection(name)
    return shelf.put({ key, value: change(value), entryVersion })
  })
  return value
}

/** Changes the entry of a partition, if it is still there. */
export async function changePartition(
  shelf: ProjectionShelf,
  { name, key }: { readonly name: string; readonly key: string },
  change: (entry: PartitionEntry) => PartitionEntry,
): Promise<void> {
  await changed(name, async () => {
    const kept = await shelf.partition(key)
    return kept === undefined ? undefined : shelf.put({ ...kept, value: change(kept.value) })
  })
}

/** The name of a projection that was given. */
export function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument('name', 'is not the name of a projection')
}

/** Reads and writes again while others come first. */
async function changed<Written extends Kept<unknown> | undefined>(
  name: string,
  change: () => Promise<Written | 'conflict'>,
): Promise<Written> {
  for (let attempts = 1; attempts <= attemptsMax; attempts++) {
    const written = await change()
    if (written !== 'conflict') return written
  }
  throw new ProjectionBusy(name, `was changed by others at each of ${attemptsMax} attempts: try again.`)
}
