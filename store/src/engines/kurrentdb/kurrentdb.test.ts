import { type TestContext, test } from 'vitest'
import { onKurrent } from '../../../../test/kurrent/database.ts'
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

onKurrent(({ engineIn, freshNamespace, hasOwnLimits }) => {
  const register: RegisterTest = (name, run) => {
    const reason = hasOwnLimits ? undefined : beyondServe[name]
    if (reason === undefined) return test(name, run)
    return test(name, (context: TestContext) => context.skip(`on varve serve ${reason}`))
  }
  engineConformance({
    test: register,
    modelRuns: 3,
    // An append of a thousand events to one stream is three streams too many for varve serve.
    bulkEvents: 900,
    open: () => {
      const namespace = freshNamespace()
      const connect = () => engineIn(namespace)
      return { engine: connect(), reopen: connect }
    },
  })
})
