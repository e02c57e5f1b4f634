// Run by id-race.test.ts: id-racer.ts <IdRace as JSON>. Says 'opened', waits for a word, appends until the next word.

import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { seeded } from '../../store/src/conformance/seeded.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'
import { engineAt } from '../engine-at.ts'
import { type IdAppend, type IdRace, idsOf, writesOf } from './id-race.ts'

const race = JSON.parse(process.argv[2] ?? '') as IdRace
const random = seeded(race.seed + race.racer)
const store = openStore({ engine: engineAt(race.url, 4) })
let over = false

await store.heads()
process.send?.('opened')
await once(process, 'message')
process.once('message', () => {
  over = true
})
for (let append = 0; !over; append++) {
  // Two at a time, so that appends meet in a batch too.
  await Promise.all([appendAndNote(append * 2), appendAndNote(append * 2 + 1)])
}
await store.close()
process.send?.('done')
process.disconnect()

async function appendAndNote(append: number): Promise<void> {
  const writes = writesOf(random, idsOf(race.seed, append))
  note({ append, writes })
  note({ append, writes, answer: await answerTo(append, writes) })
}

async function answerTo(append: number, writes: IdAppend['writes']): Promise<NonNullable<IdAppend['answer']>> {
  const of = writes.reduce((sum, { ids }) => sum + ids.length, 0)
  const data = { by: `${race.racer}/${append}`, of }
  try {
    const { idempotent, streams } = await store.appendAll(
      writes.map(({ streamId, ids }) => ({ streamId, events: ids.map((id) => ({ type: 'OrderPlaced', data, id })) })),
    )
    return { status: 'landed', idempotent, versions: streams.map(({ firstVersion }) => firstVersion) }
  } catch (error) {
    if (!isVarveError(error, 'DUPLICATE_EVENT_ID')) throw error
    return { status: 'duplicate', eventId: error.eventId, streamId: error.streamId }
  }
}

function note(append: IdAppend): void {
  appendFileSync(race.report, `${JSON.stringify(append)}\n`)
}
