import { type TestContext, test } from 'vitest'
import { onKurrent } from '../../../../test/kurrent/database.ts'
import { thorough } from '../../../../test/thorough.ts'
import { engineConformance, type RegisterTest } from '../../conformance/index.ts'

/** What does not fit into a store that is kept in another one, and why. */
const beyondServe: Readonly<Record<string, string>> = {
  'bounded: an event of the largest size is taken and comes back whole': 'what goes along makes it larger',
  'bounded: a payload over the limit is PAYLOAD_TOO_LARGE, one exactly at the limit is taken':
    'what goes along makes it larger',
  'shelf: a value of the largest allowed comes back whole': 'what goes along makes it larger',
  'bounded: an append of the largest number of events is one append': 'each id takes a stream of the append',
  'bounded: an append to the largest number of streams is one append': 'each id takes a stream of the append',
  'atomic: an append to several streams is there as a whole, interleaved as given':
    'varve serve takes the events of each stream together',
}

/**
 * Reads of every page size and from every event, and thousands of streams, say little that others do not, and take a third of the time. All of them
 * run on a database of its own, and here with VARVE_THOROUGH=1.
 */
const leftOut =
  /^reads: .*(?:in pages of (?!2,)\d+,|gives no more than (?!3 )\d+ |from any event)|^lifecycle: |more events than a page has|thousands of streams/

onKurrent(({ engineIn, freshNamespace, hasOwnLimits }) => {
  const register: RegisterTest = (name, run) => {
    if (hasOwnLimits) return test(name, run)
    const isLeftOut = !thorough && leftOut.test(name)
    const reason = isLeftOut ? 'other cases say it; VARVE_THOROUGH=1 runs all' : beyondServe[name]
    if (reason === undefined) return test(name, run)
    return test(name, (context: TestContext) => context.skip(`on varve serve ${reason}`))
  }
  engineConformance({
    test: register,
    // An append of a thousand events to one stream is three streams too many for varve serve.
    bulkEvents: hasOwnLimits ? 20_000 : 400,
    open: () => {
      const namespace = freshNamespace()
      const connect = () => engineIn(namespace)
      return { engine: connect(), reopen: connect }
    },
  })
})
