import { describe, expect, it } from 'vitest'
import { dataIn, faultOf } from '../projection-talk.ts'
import { lastServedStores } from '../stage.ts'
import { jsonEvent } from '../talk.ts'

describe.each(lastServedStores())('faults of projections over %s', (_, serve) => {
  it('name the event, its position and the line, keep what came before, and go with a better query', async () => {
    const { client } = await serve()
    await client.appendToStream('in', [numbered(1), numbered(2), numbered(0), numbered(4)])
    const query = `fromStream('in').when({
      $init: () => ({ sum: 0 }),
      N(s, e) {
        if (e.data.n === 0) undefined.oops
        s.sum += e.data.n
        emit('out', 'Sum', s)
      } })`
    await client.createProjection('frail', query, { emitEnabled: true })
    const fault = await faultOf(client, 'frail')
    expect(fault).toMatch(
      /^The handler N failed at line 4, column \d+ for event 2@in \(N\) at position 3: TypeError: cannot/,
    )
    expect(await dataIn(client, 'out')).toEqual([{ sum: 1 }, { sum: 3 }])
    expect(await client.getProjectionState('frail')).toEqual({ sum: 3 })
    await client.updateProjection('frail', query.replace('undefined.oops', 'return'))
    await expect.poll(() => dataIn(client, 'out')).toEqual([{ sum: 1 }, { sum: 3 }, { sum: 7 }])
  })

  it('say what is wrong, each for itself, while others go on', { timeout: 120_000 }, async () => {
    const { client, server } = await serve(small)
    await client.tombstoneStream('closed')
    await client.appendToStream('in', numbered(1))
    await server.store.append('in', [{ type: 'Bad', data: Buffer.from('{'), contentType: 'application/json' }])
    await client.createProjection('sound', 'fromAll().when({ $init: () => 0, N: (s) => s + 1 })')
    for (const [name, query] of faulty) await client.createProjection(name, query, { emitEnabled: true })
    for (const [name, , reason] of faulty) expect(await faultOf(client, name), name).toMatch(reason)
    await client.appendToStream('in', numbered(2))
    await expect.poll(() => client.getProjectionState('sound')).toBe(2)
  })

  it('are emits of a projection that was not allowed any', async () => {
    const { client } = await serve()
    await client.appendToStream('in', numbered(1))
    await client.createProjection('quiet', "fromAll().when({ N(s, e) { linkTo('out', e) } })")
    expect(await faultOf(client, 'quiet')).toMatch(/'emit' is not allowed by the projection/)
    await client.updateProjection('quiet', "fromAll().when({ N(s, e) { linkTo('out', e) } })", { emitEnabled: true })
    await expect.poll(() => dataIn(client, 'out')).toEqual([{ n: 1 }])
  })

  it('end a step that nothing interrupts, and the server lives', async () => {
    const { client } = await serve({ userProjectionEventMs: 20 })
    await client.appendToStream('in', numbered(1))
    const query = 'fromAll().when({ N() { for (;;) new Uint8Array(2e7).fill(1).indexOf(2) } })'
    await client.createProjection('stuck', query)
    expect(await faultOf(client, 'stuck')).toMatch(/0@in \(N\) at position 1.*took longer than 20 ms/)
  })
})

const faulty: readonly (readonly [name: string, query: string, reason: RegExp])[] = [
  ['no query', 'fromAll().when({\n N(s e) {} })', /^The query failed at line 2, column \d+: SyntaxError/],
  ['no source', 'log(1)', /^The query has no source/],
  ['nothing', ' ', /^The query has no source/],
  [
    'too slow',
    'fromAll().when({\n N() { for (;;) {} } })',
    /line 2.* for event 0@in \(N\).* it took longer than 100 ms/,
  ],
  [
    'too large',
    "fromAll().when({ N() { const l = []; for (;;) l.push('x'.repeat(1e6) + l.length) } })",
    /it needs more than 17 MiB of memory/,
  ],
  [
    'a state too large',
    "fromAll().when({ N: () => 'x'.repeat(9000) })",
    /state of the projection failed.*more than 9000/,
  ],
  ['bad JSON', 'fromAll().when({ Bad: (s, e) => e.data.n })', /handler Bad .* event 1@in \(Bad\).*SyntaxError/],
  ['emits too much', "fromAll().when({ N() { for (;;) emit('s', 'T', {}) } })", /more than 5 events are emitted/],
  ['into a view', "fromAll().when({ N() { emit('$ce-a', 'T', {}) } })", /refused, .*0@in.* is a view of other streams/],
  ['into what is closed', "fromAll().when({ N() { emit('closed', 'T', {}) } })", /refused, .*0@in.*closed/],
  ['into checkpoints', "fromAll().when({ N() { emit('$projections-a-checkpoint', 'T', {}) } })", /kept by projections/],
]

const small = {
  userProjectionEventMs: 100,
  userProjectionMemoryMib: 17,
  userProjectionEmits: 5,
  userProjectionStateBytes: 9_000,
}

function numbered(n: number) {
  return jsonEvent('N', { n })
}
