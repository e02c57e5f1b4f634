import { type Engine, memory, pauseProjection, systemClock } from 'varve'
import { afterEach, describe, expect, it } from 'vitest'
import { newTarget, receive, type Started, starting, stockOf, until, untilState } from '../../test/projections/stock.ts'
import { type ServerFlags, serverConfig } from './config.ts'
import { type RunningServer, startServer } from './server.ts'

let server: RunningServer
let aheadMs = 0
const start = starting()
afterEach(async () => {
  aheadMs = 0
  await server.close()
})

/** A server whose clock the test can set forward. */
async function serve(flags: ServerFlags = {}, engine: Engine = memory()): Promise<void> {
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const config = serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', userProjectionsMax: 0, ...flags })
  server = await startServer(config, { clock, engine })
}

async function ready(): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
  const answer = await fetch(`${server.url}/health/ready`)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

const scrape = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text()

/** Runs a projection up to here, stops it, and lets one more event come, a minute and a second ago. */
async function leftBehind(given: Partial<Parameters<typeof stockOf>[0]> = {}): Promise<void> {
  const running = runStock(given)
  await running.waitFor('stock', await receive(server.store, 'tea'))
  await untilState(server.store, 'live')
  await running.stop()
  await receive(server.store, 'mug')
  aheadMs = 61_000
}

const runStock = (given: Partial<Parameters<typeof stockOf>[0]> = {}): Started =>
  start(server.store, stockOf({ target: newTarget(), ...given }))

describe('the readiness of a server', () => {
  it('names nothing while every projection follows the log', async () => {
    await serve()
    const running = runStock()
    await running.waitFor('stock', await receive(server.store, 'tea'))
    expect(await ready()).toEqual({ status: 200, body: { status: 'ready', head: 1, projections: [] } })
  })

  it('names a projection that is behind, and is there all the same', async () => {
    await serve()
    await leftBehind()
    const { status, body } = await ready()
    expect([status, body.status]).toEqual([200, 'ready'])
    expect(body.projections).toEqual([
      {
        ...{ name: 'stock', generation: 1, role: 'published', state: 'live' },
        ...{ lag_events: 1, lag_ms: expect.closeTo(61_000, -4) },
      },
    ])
  })

  it('names none that is less behind than it may be', async () => {
    await serve({ projectionLagMs: 120_000 })
    await leftBehind()
    expect((await ready()).body.projections).toEqual([])
  })

  it('ends, where it was told so, while a projection is behind or has failed', async () => {
    await serve({ readyNeedsProjections: true })
    runStock({ poison: new Set(['bad']) })
    await receive(server.store, 'bad')
    await untilState(server.store, 'failed')
    await until(async () => (await ready()).status === 503)
    expect((await ready()).body).toMatchObject({ status: 'behind', projections: [{ name: 'stock', state: 'failed' }] })
  })

  it('does not end for one that somebody has paused', async () => {
    await serve({ readyNeedsProjections: true })
    await leftBehind()
    await until(async () => (await ready()).status === 503)
    await pauseProjection(server.store, 'stock')
    await until(async () => (await ready()).status === 200)
    expect((await ready()).body.projections).toMatchObject([{ name: 'stock', state: 'paused' }])
  })

  it('says that nothing is known when the store does not tell', async () => {
    const engine = memory()
    const list: typeof engine.shelf.list = (query) =>
      // Without knowing whether there are users the server would not start.
      query.prefix.startsWith('auth/') ? engine.shelf.list(query) : Promise.reject(new Error('no disk'))
    await serve({}, { ...engine, shelf: { ...engine.shelf, list } })
    expect(await ready()).toEqual({ status: 200, body: { status: 'ready', head: 0, projections: null } })
    expect(await scrape()).toMatch(/^varve_projections_known 0$/m)
    expect(await scrape()).toMatch(/^varve_head_position 0$/m)
  })
})

describe('the metrics of a server', () => {
  it('tell where each projection is, who runs it, and what it spent its time on', async () => {
    await serve()
    const running = runStock({ poison: new Set(['bad']), onFailure: () => 'park_event' })
    await running.waitFor('stock', await receive(server.store, 'tea', 'bad'))
    await untilState(server.store, 'parked')
    const text = await scrape()
    const place = 'projection="stock",generation="1"'
    for (const line of [
      'varve_projections_known 1',
      `varve_projection_generation_info{${place},version="1",role="published"} 1`,
      `varve_projection_lag_seconds{${place}} 0`,
      `varve_projection_position{${place},partition="1"} 2`,
      `varve_projection_lag_events{${place},partition="1"} 0`,
      `varve_projection_parked_events{${place},partition="1"} 1`,
      `varve_projection_events_total{${place},partition="1"} 1`,
      `varve_projection_retries_total{${place},partition="1"} 0`,
      `varve_projection_skipped_events_total{${place},partition="1"} 0`,
      `varve_projection_state{${place},partition="1",state="parked"} 1`,
      `varve_projection_owner_info{${place},partition="1",owner="${running.instance}"} 1`,
    ]) {
      expect(text).toContain(`${line}\n`)
    }
    for (const step of ['load', 'apply', 'write']) {
      expect(text).toMatch(
        new RegExp(`^varve_projection_seconds_total\\{${place},partition="1",step="${step}"\\} `, 'm'),
      )
    }
  })

  it('tell how far behind one is, and nothing of what is over', async () => {
    await serve()
    await leftBehind()
    const text = await scrape()
    expect(text).toMatch(/^varve_projection_lag_events\{.*\} 1$/m)
    expect(Number(/^varve_projection_lag_seconds\{.*\} (.*)$/m.exec(text)?.[1])).toBeCloseTo(61, -1)
    expect(text).not.toContain('varve_projection_owner_info{')
  })

  it('come from one look at the shelf, however many ask', async () => {
    let lists = 0
    const engine = memory()
    const list: Engine['shelf']['list'] = (query) => {
      // Consumer groups, which are scraped as well, lie elsewhere on it.
      if (query.prefix.includes('projection')) lists++
      return engine.shelf.list(query)
    }
    await serve({}, { ...engine, shelf: { ...engine.shelf, list } })
    await Promise.all([scrape(), scrape(), ready(), scrape()])
    expect(lists).toBe(1)
    aheadMs = 1_000
    await scrape()
    expect(lists).toBe(2)
  })
})
