// Rules that span streams: a unique name, a course with few seats. Run with: node examples/05-consistency-boundaries.ts
import assert from 'node:assert/strict'
import { type EventStore, isVarveError, memory, openStore, type Query } from 'varve'

await using store = openStore({ engine: memory() })

// A name is taken once: the append is refused if any event with this tag exists. No table of names, no lock.
const claim = (user: string, name: string) =>
  store.append(`User-${user}`, [{ type: 'UserNamed', data: { name }, tags: [`username:${name}`] }], {
    condition: { failIfMatch: { types: ['UserNamed'], tags: [`username:${name}`] } },
  })

await claim('1', 'ada')
await assert.rejects(claim('2', 'ada'), { code: 'CONDITION_FAILED' })
await claim('2', 'grace')

// A course has three seats and a student at most two courses: one decision over two boundaries. It holds when nothing
// that the decision read has changed since, so the condition names the same query and the position read up to.
async function subscribeStudent(events: EventStore, student: string, course: string): Promise<void> {
  const boundary: Query = [
    { types: ['StudentSubscribed'], tags: [`course:${course}`] },
    { types: ['StudentSubscribed'], tags: [`student:${student}`] },
  ]
  for (;;) {
    const after = await events.head()
    const seen = await events.readAll({ filter: boundary }).toArray()
    const seats = seen.filter((event) => event.tags.includes(`course:${course}`)).length
    const courses = seen.filter((event) => event.tags.includes(`student:${student}`)).length
    if (seats >= 3) throw new Error(`course ${course} is full`)
    if (courses >= 2) throw new Error(`student ${student} has two courses`)
    const subscribed = { type: 'StudentSubscribed', data: {}, tags: [`course:${course}`, `student:${student}`] }
    try {
      await events.append(`Course-${course}`, [subscribed], { condition: { failIfMatch: boundary, after } })
      return
    } catch (error) {
      if (!isVarveError(error, 'CONDITION_FAILED')) throw error
    }
  }
}

const students = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const outcomes = await Promise.allSettled(students.map((student) => subscribeStudent(store, student, 'maths')))
const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
assert.equal((await store.streamInfo('Course-maths')).version, 3)
assert.deepEqual(new Set(refused.map((outcome) => outcome.reason.message)), new Set(['course maths is full']))

await subscribeStudent(store, 'h', 'history')
await subscribeStudent(store, 'h', 'music')
await assert.rejects(subscribeStudent(store, 'h', 'latin'), /two courses/)
console.log(`${students.length} students wanted a seat at once; 3 have one, ${refused.length} were told it is full.`)
