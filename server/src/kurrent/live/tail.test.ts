import { memory, openStore } from 'varve'
import { expect, it } from 'vitest'
import { createTail, type Follower, type OpenTail } from './tail.ts'

const { signal } = new AbortController()

it('gives a follower what it wants, of what comes, together as it came', async () => {
  const { store, tail } = await opened()
  using follower = followed(tail, 0, ({ stream }) => stream === 'Order-1')
  await append(store, 'Customer-1', 3)
  await append(store, 'Order-1', 2)
  expect(await revisions(follower)).toEqual([0, 1])
  await append(store, 'Order-1', 1)
  expect(await revisions(follower)).toEqual([2])
})

it('gives what came since its end was known, and nothing older', async () => {
  const { store, tail } = await opened(5)
  await append(store, 'Order-1', 3)
  using waiting = followed(tail, 5, () => true)
  expect(await revisions(waiting)).toEqual([5, 6, 7])
  using late = followed(tail, 7, () => true)
  expect(await revisions(late)).toEqual([7])
  expect(tail.follow(4, () => true)).toBeUndefined()
})

it('tells a follower that does not keep up that it is behind, and others go on', async () => {
  const { store, tail } = await opened()
  using slow = followed(tail, 0, () => true)
  using choosy = followed(tail, 0, ({ revision }) => revision === 1_499)
  for (let count = 0; count < 15; count++) await append(store, 'Order-1', 100)
  expect(await revisions(choosy)).toEqual([1_499])
  expect(await slow.next(signal)).toBe('behind')
  expect(tail.follow(0, () => true)).toBeUndefined()
})

it('ends followers when the store fails, and begins anew for those who come', async () => {
  const engine = memory()
  let isBroken = false
  const read: typeof engine.read = async (query) => {
    if (isBroken) throw new Error('broken')
    return engine.read(query)
  }
  const store = openStore({ engine: { ...engine, read } })
  const tails = createTail(store)
  const tail = tails.open()
  await tail.ready
  const follower = followed(tail, 0, () => true)
  isBroken = true
  await append(store, 'Order-1', 1)
  await expect(follower.next(signal)).rejects.toThrow('broken')
  expect(() => tail.follow(0, () => true)).toThrow('broken')
  isBroken = false
  using again = tails.open()
  await again.ready
  using anew = followed(again, 1, () => true)
  await append(store, 'Order-1', 1)
  expect(await revisions(anew)).toEqual([1])
})

it('ends followers when the store is closed', async () => {
  const { store, tail } = await opened()
  const follower = followed(tail, 0, () => true)
  const ended = expect(follower.next(signal)).rejects.toMatchObject({ status: 'unavailable' })
  await store.close()
  await ended
})

it('reads nothing when nobody has it open', async () => {
  const engine = memory()
  let reads = 0
  const read: typeof engine.read = (query) => {
    reads++
    return engine.read(query)
  }
  const store = openStore({ engine: { ...engine, read } })
  const tails = createTail(store)
  const [first, second] = [tails.open(), tails.open()]
  await Promise.all([first.ready, second.ready])
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  await append(store, 'Order-1', 1)
  await expect.poll(() => reads).toBeGreaterThan(1)
  second[Symbol.dispose]()
  const before = reads
  await append(store, 'Order-1', 1)
  expect(reads).toBe(before)
})

it('stops waiting when its client leaves', async () => {
  const { tail } = await opened()
  using follower = followed(tail, 0, () => true)
  const leaving = new AbortController()
  const next = follower.next(leaving.signal)
  leaving.abort(new Error('gone'))
  await expect(next).rejects.toThrow('gone')
})

async function opened(events = 0) {
  const store = openStore({ engine: memory() })
  if (events > 0) await append(store, 'Order-1', events)
  const tail = createTail(store).open()
  await tail.ready
  return { store, tail }
}

function followed(tail: OpenTail, after: number, wants: Parameters<OpenTail['follow']>[1]): Follower {
  const follower = tail.follow(after, wants)
  if (follower === undefined) throw new Error(`The tail does not reach back to ${after}.`)
  return follower
}

async function revisions(follower: Follower): Promise<number[]> {
  const events = await follower.next(signal)
  if (events === 'behind') throw new Error('The follower has fallen behind.')
  return events.map(({ revision }) => revision)
}

async function append(store: ReturnType<typeof openStore>, stream: string, count: number): Promise<void> {
  await store.append(stream, Array(count).fill({ type: 'Placed', data: {} }))
}
