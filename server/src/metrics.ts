import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { AppendOutcome, Clock, Engine } from 'varve'

/** What the server counts, in Prometheus' form. */
export interface Metrics {
  readonly registry: Registry
  readonly requests: Histogram<'method' | 'route' | 'status'>
  readonly calls: Histogram<'method' | 'status'>
  readonly subscriptions: Gauge
  /** The same engine, its appends counted and timed. */
  measured(engine: Engine): Engine
}

/** Metrics of one server. */
export function createMetrics(clock: Clock): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'varve_http_request_seconds',
    help: 'Time from request to answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const calls = new Histogram({
    name: 'varve_grpc_call_seconds',
    help: 'Time from call to status.',
    labelNames: ['method', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const subscriptions = new Gauge({ name: 'varve_subscriptions', help: 'Subscriptions open now.', registers })
  const appends = new Counter({
    name: 'varve_appends_total',
    help: 'Appends judged, by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const events = new Counter({ name: 'varve_events_appended_total', help: 'Events committed.', registers })
  const batches = new Histogram({
    name: 'varve_batch_appends',
    help: 'Appends that one commit carried.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers,
  })
  const seconds = new Histogram({
    name: 'varve_commit_seconds',
    help: 'Time that one commit took.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
    registers,
  })
  const head = new Gauge({ name: 'varve_head_position', help: 'Position of the last event.', registers })

  /** Once for each commit: labels and counters cost more than what is counted. */
  function count(outcomes: readonly AppendOutcome[]): void {
    const byStatus = new Map<AppendOutcome['status'], number>()
    let committed = 0
    let last = 0
    for (const outcome of outcomes) {
      byStatus.set(outcome.status, (byStatus.get(outcome.status) ?? 0) + 1)
      if (outcome.status !== 'done') continue
      for (const { firstVersion, lastVersion } of outcome.streams) committed += lastVersion - firstVersion + 1
      last = Math.max(last, outcome.lastPosition)
    }
    for (const [outcome, appended] of byStatus) appends.inc({ outcome }, appended)
    if (committed === 0) return
    events.inc(committed)
    head.set(last)
  }

  const seen: Seen = {
    head: (position) => head.set(position),
    commit: (outcomes, tookMs) => {
      batches.observe(outcomes.length)
      seconds.observe(tookMs / 1_000)
      count(outcomes)
    },
  }
  return { registry, requests, calls, subscriptions, measured: (engine) => measured(engine, clock, seen) }
}

/** What an engine is seen to do. */
interface Seen {
  readonly head: (position: number) => void
  readonly commit: (outcomes: readonly AppendOutcome[], tookMs: number) => void
}

function measured(engine: Engine, clock: Clock, seen: Seen): Engine {
  return {
    capabilities: engine.capabilities,
    shelf: engine.shelf,
    append: async (batch, signal) => {
      const begunAt = clock.now()
      const outcomes = await engine.append(batch, signal)
      seen.commit(outcomes, clock.now() - begunAt)
      return outcomes
    },
    ...(engine.appendWithin && { appendWithin: engine.appendWithin }),
    read: async (query, signal) => {
      const page = await engine.read(query, signal)
      // That of a shard is none of the store.
      if (engine.heads === undefined) seen.head(page.head)
      return page
    },
    find: (eventId, signal) => engine.find(eventId, signal),
    head: async (signal) => {
      const head = await engine.head(signal)
      seen.head(head)
      return head
    },
    ...(engine.heads && { heads: engine.heads }),
    streams: (query, signal) => engine.streams(query, signal),
    wake: (signal) => engine.wake(signal),
    close: () => engine.close(),
  }
}
