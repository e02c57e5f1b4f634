/** A store with letters to deliver, and consumers that note what they are handed. */
import type { EventStore } from '../../store/src/event-store.ts'
import { type ConsumeOptions, consume } from '../../store/src/groups/consume.ts'
import type { Delivery } from '../../store/src/groups/delivery.ts'
import type { GroupStore } from '../../store/src/groups/group-events.ts'

/** Appends so many letters, one after the other to as many streams as are named. */
export async function write(
  store: EventStore,
  count: number,
  streams: readonly string[] = ['Letter-1'],
): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const stream = streams[(number - 1) % streams.length] as string
    await store.append(stream, [{ type: 'LetterWritten', data: { number } }])
  }
}

/** The number of the letter that was delivered. */
export function numberOf({ event }: Pick<Delivery, 'event'>): number {
  return (event.data as { number: number }).number
}

/** Takes so many deliveries, each handled by `handle`, and leaves. Default: acknowledges them. */
export async function take(
  store: GroupStore,
  group: string,
  count: number,
  handle: (delivery: Delivery) => unknown = (delivery) => delivery.ack(),
  options: ConsumeOptions = {},
): Promise<readonly Delivery[]> {
  const taken: Delivery[] = []
  for await (const delivery of consume(store, group, options)) {
    taken.push(delivery)
    await handle(delivery)
    if (taken.length === count) break
  }
  return taken
}
