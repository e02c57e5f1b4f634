/**
 * Who runs what, as a pure machine that every instance steps for itself over the same shelf: no clock, no I/O.
 *
 * free > owned by an instance > free again when it releases, or when it is buried
 *
 * An instance shows that it lives by a beat that it raises. One whose beat stood still for the length of a lease, by the
 * clock of whoever looks, is buried: no clock of one machine is ever compared with another's. Invariants: a partition has
 * one owner at a time on the shelf, since each claim names the version of the entry it replaces; whoever was buried and
 * goes on nevertheless is refused by the target, whose checkpoint tells a newer epoch; everybody ends with a fair share.
 */

/** An instance as the others see it. */
export interface MemberView {
  readonly id: string
  /** How long its beat has stood still, in milliseconds. */
  readonly stillMs: number
  /** The version of each projection that it can run. */
  readonly versions: Readonly<Record<string, number>>
}

/** A partition of a generation, as the shelf has it. */
export interface PartitionView {
  /** Its entry on the shelf. */
  readonly key: string
  readonly projection: string
  readonly version: number
  readonly owner: string | undefined
  /** False for one that nobody is to run: paused, retired, or failed wherever it was tried. */
  readonly isWanted: boolean
  /** How long nobody has run it, in milliseconds. */
  readonly freeMs: number
}

/** What an instance sees. */
export interface OwnershipView {
  readonly me: string
  readonly leaseMs: number
  readonly members: readonly MemberView[]
  readonly partitions: readonly PartitionView[]
}

/** What it does about it. */
export interface OwnershipStep {
  /** Members to strike off: their beat stood still for too long. */
  readonly bury: readonly string[]
  /** Keys of partitions to claim. */
  readonly claim: readonly string[]
  /** Keys of own partitions to give back: not wanted any more, or more than a fair share. */
  readonly release: readonly string[]
}

/** One look at the shelf. */
export function ownershipStep({ me, leaseMs, members, partitions }: OwnershipView): OwnershipStep {
  const dead = members.filter(({ id, stillMs }) => id !== me && stillMs >= leaseMs).map(({ id }) => id)
  const living = members.filter(({ id }) => !dead.includes(id))
  const isFree = ({ owner }: PartitionView): boolean => !living.some(({ id }) => id === owner)
  const ableTo = (partition: PartitionView): readonly string[] =>
    living.filter(({ versions }) => versions[partition.projection] === partition.version).map(({ id }) => id)

  const runnable = partitions.filter((partition) => partition.isWanted && ableTo(partition).includes(me))
  const share = Math.ceil(runnable.reduce((sum, partition) => sum + 1 / ableTo(partition).length, 0))
  const own = partitions.filter(({ owner }) => owner === me)
  const kept = own.filter((partition) => runnable.includes(partition))
  const unwanted = own.filter((partition) => !runnable.includes(partition))
  const others = kept.filter((partition) => ableTo(partition).length > 1)
  const tooMany = others.slice(0, Math.max(0, kept.length - share))

  const free = rotated(runnable.filter(isFree), me)
  const room = Math.max(0, share - kept.length)
  // What nobody took for a whole lease is taken by anybody: those with room may not be able to.
  const left = free.slice(room).filter(({ freeMs }) => freeMs >= leaseMs)
  return {
    bury: dead,
    claim: [...free.slice(0, room), ...left].map(({ key }) => key),
    release: [...unwanted, ...tooMany].map(({ key }) => key),
  }
}

/** Begins at another place for each instance, so that those that look at the same time do not all claim the same. */
function rotated<Item>(items: readonly Item[], by: string): readonly Item[] {
  if (items.length === 0) return items
  const start = [...by].reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003, 7) % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
