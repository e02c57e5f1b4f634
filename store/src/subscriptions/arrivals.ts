/** What came in from several sources, in the order in which it came. Who adds waits for nobody: bound what is under way. */
export interface Arrivals<Item> {
  add(item: Item): void
  /** Ends it: whoever waits, or comes later and finds nothing left, gets the error. */
  readonly fail: (error: unknown) => void
  /** The next one, once there is one. */
  next(): Promise<Item>
}

/** Nothing has come yet. */
export function createArrivals<Item>(): Arrivals<Item> {
  const items: Item[] = []
  let failure: { readonly error: unknown } | undefined
  let waiting: (() => void) | undefined

  function wake(): void {
    waiting?.()
    waiting = undefined
  }

  return {
    add: (item) => {
      items.push(item)
      wake()
    },
    fail: (error) => {
      failure ??= { error }
      wake()
    },
    next: async () => {
      for (;;) {
        const item = items.shift()
        if (item !== undefined) return item
        if (failure !== undefined) throw failure.error
        await new Promise<void>((resolve) => {
          waiting = resolve
        })
      }
    },
  }
}
