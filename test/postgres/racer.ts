// Run by race.test.ts and others: racer.ts <Race as JSON>. Says 'opened', waits for a word, appends until the next word,
// writes down every decision and says how many there were.

import { once } from 'node:events'
import { type Random, seeded } from '../../store/src/conformance/seeded.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import type { AppendCondition, Query } from '../../store/src/model/query.ts'
import { openStore } from '../../store/src/open-store.ts'
import { engineAt } from '../engine-at.ts'
import { type Answer, type DecidedWrite, type Decision, writeDecisions } from './decision.ts'

/** What a racer is to do. */
export interface Race {
  readonly url: string
  readonly writers: number
  readonly streams: number
  readonly seed: number
  /** Where the decisions go. */
  readonly report: string
}

const types = ['Opened', 'Paid', 'Sent', 'Closed'] as const
const customers = 40

const race = JSON.parse(process.argv[2] ?? '') as Race
const store = openStore({ engine: engineAt(race.url, 4) })
/** Versions as this process last heard of them: often stale, which is the point. */
const known = new Map<string, number>()
const decisions: Decision[] = []
let over = false

await store.head()
process.send?.('opened')
await once(process, 'message')
process.once('message', () => {
  over = true
})
await Promise.all(Array.from({ length: race.writers }, (_, writer) => write(seeded(race.seed + writer))))
await store.close()
writeDecisions(race.report, decisions)
process.send?.(decisions.length)
process.disconnect()

async function write(random: Random): Promise<void> {
  while (!over) {
    const conditional = random.oneIn(4)
    const condition = conditional ? await conditionOf(random) : undefined
    const writes = writesOf(random, conditional)
    const sentAtUs = nowUs()
    const answer = await appended(random, writes, condition)
    const answeredAtUs = nowUs()
    decisions.push({ writes, ...(condition && { condition }), sentAtUs, answeredAtUs, answer })
    if (answer.status === 'conflict') known.set(answer.streamId, answer.actual)
  }
}

/** The clock that counts from the start of the machine: the same in every process. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

function writesOf(random: Random, conditional: boolean): readonly DecidedWrite[] {
  const first = random.below(race.streams)
  const streams = random.oneIn(5) ? [first, (first + 1 + random.below(race.streams - 1)) % race.streams] : [first]
  return streams.map((stream) => {
    const streamId = `${stream % 2 === 0 ? 'Order' : 'Payment'}-${stream}`
    const versioned = random.oneIn(conditional ? 4 : 2)
    return { streamId, expectedVersion: versioned ? (known.get(streamId) ?? 0) : 'any', events: 1 + random.below(3) }
  })
}

async function conditionOf(random: Random): Promise<AppendCondition> {
  const { type, tag } = { type: random.pick(types), tag: customer(random) }
  const failIfMatch = random.pick<Query>([
    { tags: [tag] },
    { tags: [tag, `of:${type}`] },
    { types: [type] },
    { types: ['Paid', 'Sent'], tags: [tag] },
    [{ types: [type], tags: [tag] }, { tags: [customer(random)] }],
    { categories: ['Payment'], types: [type] },
    { streamPrefix: `Order-${random.below(race.streams)}` },
    'everything',
  ])
  return { failIfMatch, after: await store.head() }
}

function customer(random: Random): string {
  return `customer:${random.below(customers)}`
}

async function appended(random: Random, writes: readonly DecidedWrite[], condition?: AppendCondition): Promise<Answer> {
  try {
    const { firstPosition, eventIds, streams } = await store.appendAll(
      writes.map(({ streamId, expectedVersion, events }) => ({
        streamId,
        expectedVersion,
        events: Array.from({ length: events }, () => eventOf(random)),
      })),
      { ...(condition && { condition }) },
    )
    for (const { streamId, version } of streams) known.set(streamId, version)
    return { status: 'landed', firstPosition, eventIds, streams }
  } catch (error) {
    if (isVarveError(error, 'VERSION_CONFLICT')) {
      return { status: 'conflict', streamId: error.streamId, actual: error.actual }
    }
    if (isVarveError(error, 'CONDITION_FAILED')) return { status: 'condition_failed', position: error.position }
    throw error
  }
}

function eventOf(random: Random) {
  const type = random.pick(types)
  return { type, data: { cents: random.below(1_000_000) }, tags: [customer(random), `of:${type}`] }
}
