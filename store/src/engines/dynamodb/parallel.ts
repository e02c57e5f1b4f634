/** Requests of one call that are under way at a time. */
const requestsMax = 8

/** The results of all, in order, with so many under way at a time as one connection pool has room for. */
export async function inParallel<Given, Result>(
  all: readonly Given[],
  work: (one: Given, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  let next = 0
  async function take(): Promise<void> {
    for (let place = next++; place < all.length; place = next++) results[place] = await work(all[place] as Given, place)
  }
  await Promise.all(Array.from({ length: Math.min(requestsMax, all.length) }, take))
  return results
}

/** A list in pieces of so many at the most. */
export function slices<One>(all: readonly One[], length: number): readonly (readonly One[])[] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, piece) =>
    all.slice(piece * length, (piece + 1) * length),
  )
}
