import { deepEqual, equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { createGathering } from './gather.ts'

/** Statements that end when they are told to; each answers what it is asked. */
function statements(options: { readonly most?: () => number; readonly refuses?: (asked: number) => boolean } = {}) {
  const { most = () => 3, refuses = () => false } = options
  const sent: (readonly number[])[] = []
  const ends: (() => void)[] = []
  const over = (): Promise<void> => new Promise((resolve) => ends.push(resolve))
  const turn = (): Promise<void> => new Promise(setImmediate)
  const ask = createGathering<number, number>(
    { turn },
    {
      one: async (asked) => {
        sent.push([asked])
        await over()
        if (refuses(asked)) throw new RangeError(`not ${asked}`)
        return asked
      },
      many: async (asked) => {
        sent.push(asked)
        await over()
        if (asked.some(refuses)) throw new RangeError('one of them')
        return asked.map((one) => (one < 0 ? undefined : one))
      },
      most,
    },
  )
  const end = async (count = 1): Promise<void> => {
    for (const done of ends.splice(0, count)) done()
    await turn()
  }
  return { ask, sent, end, turn }
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)

it('asks together for what came in one turn, and for what came while as many as may be were under way', async () => {
  const { ask, sent, end, turn } = statements()
  const answers = upTo(17).map(ask)
  deepEqual(sent, [])
  await turn()
  deepEqual(sent, [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8],
    [9, 10, 11],
  ])
  await end()
  deepEqual(sent.slice(4), [[12, 13, 14]])
  answers.push(ask(17))
  await end()
  deepEqual(sent.slice(5), [[15, 16, 17]])
  await end(4)
  deepEqual(await Promise.all(answers), upTo(18))
})

it('asks alone for what comes alone', async () => {
  const { ask, sent, end, turn } = statements()
  for (const one of upTo(6)) {
    const answer = ask(one)
    await turn()
    deepEqual(sent.at(-1), [one])
    await end()
    equal(await answer, one)
  }
})

it('asks alone for what had no answer among others', async () => {
  const { ask, sent, end, turn } = statements()
  const answers = [4, -5, 6].map(ask)
  await turn()
  await end()
  deepEqual(sent, [[4, -5, 6], [-5]])
  await end()
  deepEqual(await Promise.all(answers), [4, -5, 6])
})

it('lets one that fails fail alone', async () => {
  const { ask, sent, end, turn } = statements({ refuses: (asked) => asked === 5 })
  const answers = [4, 5, 6].map(ask)
  const refused = rejects(answers[1] as Promise<number>, { message: 'not 5' })
  await turn()
  await end()
  deepEqual(sent, [[4, 5, 6], [4], [5], [6]])
  await end(3)
  await refused
  deepEqual(await Promise.all([answers[0], answers[2]]), [4, 6])
})

it('lets nobody wait when none may go together', async () => {
  const { ask, sent, end } = statements({ most: () => 1 })
  const answers = upTo(9).map(ask)
  equal(sent.length, 9)
  await end(9)
  deepEqual(await Promise.all(answers), upTo(9))
})

it('lets those that wait go one after the other when they may no longer go together', async () => {
  let most = 3
  const { ask, sent, end, turn } = statements({ most: () => most })
  const answers = upTo(14).map(ask)
  await turn()
  most = 1
  for (let round = 0; round < 6; round++) await end(4)
  deepEqual(sent.slice(4), [[12], [13]])
  deepEqual(await Promise.all(answers), upTo(14))
})
