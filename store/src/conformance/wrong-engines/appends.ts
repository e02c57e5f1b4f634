import type { AppendOutcome, AppendRequest, Engine, Landed, StreamCheck } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { lastPosition } from '../../model/position.ts'
import { type StreamState, streamExists } from '../../model/stream.ts'
import { versionHolds } from '../../model/version.ts'
import { judging, paging, stateOf, type Twist, turn, type WrongEngine, wholeLog, wrong } from './wrong.ts'

/** Takes a check out of a request when this says that it holds. */
function forgiving(holds: (check: StreamCheck, state: StreamState, one: AppendRequest) => boolean): () => Twist {
  return () => (engine, lock) =>
    judging(engine, lock, async (one, send) => {
      const checks: StreamCheck[] = []
      for (const check of one.checks) {
        if (!holds(check, await stateOf(engine, check.streamId), one)) checks.push(check)
      }
      return send({ ...one, checks })
    })
}

/** Refuses a check that this says does not hold, after the engine has had its say about ids. */
function strict(holds: (check: StreamCheck, state: StreamState) => boolean): () => Twist {
  return () => (engine, lock) =>
    judging(engine, lock, async (one, send) => {
      for (const check of one.checks) {
        if (holds(check, await stateOf(engine, check.streamId))) continue
        const outcome = await send({ ...one, checks: [{ ...check, expectedVersion: lastPosition }] })
        return outcome.status === 'conflict' ? { ...outcome, expected: check.expectedVersion } : outcome
      }
      return send(one)
    })
}

const batchJudgedBeforehand: Twist = (engine, lock) => ({
  append: (batch, signal) =>
    lock(async () => {
      const judged: AppendRequest[] = []
      for (const one of batch) {
        const checks: StreamCheck[] = []
        for (const check of one.checks) {
          const state = await stateOf(engine, check.streamId)
          if (!versionHolds(check.expectedVersion, state)) checks.push(check)
        }
        judged.push({ ...one, checks })
      }
      return engine.append(judged, signal)
    }),
})

const checkedInASeparateStep: Twist = (engine) => ({
  append: async (batch, signal) => {
    const [one] = batch
    if (batch.length !== 1 || one?.checks.length !== 1) return engine.append(batch, signal)
    const [check] = one.checks as readonly [StreamCheck]
    if (!versionHolds(check.expectedVersion, await stateOf(engine, check.streamId))) return engine.append(batch, signal)
    await turn()
    return engine.append([{ ...one, checks: [] }], signal)
  },
})

/** Writes what comes first although the append as a whole is refused. */
const firstEventStays: Twist = (engine, lock) =>
  judging(engine, lock, async (one, send) => {
    const outcome = await send(one)
    if (!('firstPosition' in outcome) && one.events.length > 1)
      await send({ events: one.events.slice(0, 1), checks: [] })
    return outcome
  })

const holeStream = '~hole'

/** Takes a position for what it refuses, as a database sequence does. */
const refusalTakesPosition: Twist = (engine, lock) => {
  const visible = (event: StoredEvent): boolean => event.streamId !== holeStream
  const lastVisible = async (): Promise<number> => (await wholeLog(engine)).filter(visible).at(-1)?.position ?? 0
  return {
    ...judging(engine, lock, async (one, send) => {
      const outcome = await send(one)
      if ('firstPosition' in outcome) return outcome
      const [first] = one.events as readonly [AppendRequest['events'][number]]
      const id = first.id.replace(/.{4}$/, (await engine.head()).toString(16).padStart(4, '0')).replace(/^./, 'f')
      await send({ events: [{ ...first, id, streamId: holeStream, tags: [], type: '~' }], checks: [] })
      return outcome
    }),
    ...paging(engine, async (page) => ({ ...page, events: page.events.filter(visible), head: await lastVisible() })),
    head: async (signal) => {
      await engine.head(signal)
      return lastVisible()
    },
    streams: async (query, signal) => {
      const page = await engine.streams(query, signal)
      return { ...page, streams: page.streams.filter((one) => one.streamId !== holeStream) }
    },
  }
}

/** Shows a batch without some of its events for a moment before it is acknowledged. */
function hiddenForAMoment(hides: (landed: readonly Landed[]) => { from: number; to: number } | undefined): () => Twist {
  return () => {
    let hidden: { from: number; to: number } | undefined
    return (engine, lock) => ({
      append: (batch, signal) =>
        lock(async () => {
          const outcomes = await engine.append(batch, signal)
          hidden = hides(outcomes.flatMap((outcome) => (outcome.status === 'done' ? [outcome as Landed] : [])))
          await turn()
          hidden = undefined
          return outcomes
        }),
      ...paging(engine, (page) => {
        const range = hidden
        if (range === undefined) return page
        return { ...page, events: page.events.filter(({ position }) => position < range.from || position > range.to) }
      }),
    })
  }
}

function lostAfterRefusal(answer: (refused: AppendOutcome, engine: Engine) => Promise<AppendOutcome>): () => Twist {
  return () => (engine, lock) =>
    judging(engine, lock, async (one, send, { outcomes }) => {
      const refused = outcomes.find((outcome) => !('firstPosition' in outcome))
      return refused === undefined ? send(one) : answer(refused, engine)
    })
}

const gap = 10

/** Hands out every tenth position, as a sharded counter might. Wrong only together with `gaplessPositions`. */
export const inTens: Twist = (engine) => {
  const outOf = (position: number): number => position * gap
  const inside = (after: number): number => Math.floor(after / gap)
  const outcomeOf = (outcome: AppendOutcome): AppendOutcome => {
    if ('firstPosition' in outcome) {
      return { ...outcome, firstPosition: outOf(outcome.firstPosition), lastPosition: outOf(outcome.lastPosition) }
    }
    return outcome.status === 'condition_failed' ? { ...outcome, position: outOf(outcome.position) } : outcome
  }
  return {
    append: async (batch, signal) => {
      const requests = batch.map(
        (one): AppendRequest =>
          one.condition ? { ...one, condition: { ...one.condition, after: inside(one.condition.after) } } : one,
      )
      const outcomes = await engine.append(requests, signal)
      return outcomes.map((outcome, index) => {
        const after = batch[index]?.condition?.after ?? 0
        return outcome.status === 'condition_failed' ? { ...outcomeOf(outcome), after } : outcomeOf(outcome)
      }) as AppendOutcome[]
    },
    read: async (query, signal) => {
      const ofLog = 'query' in query.source
      const forward = query.direction === 'forward'
      const from = ofLog ? (forward ? Math.ceil(query.from / gap) : inside(query.from)) : query.from
      const page = await engine.read({ ...query, from }, signal)
      const next = forward ? Math.max(outOf(page.next - 1) + 1, query.from) : outOf(page.next)
      return {
        ...page,
        events: page.events.map((event) => ({ ...event, position: outOf(event.position) })),
        head: outOf(page.head),
        next: ofLog ? next : page.next,
      }
    },
    head: async (signal) => outOf(await engine.head(signal)),
  }
}

/** Wrong about versions, atomicity, order and batches. */
export const wrongAppends: readonly WrongEngine[] = [
  wrong(
    'judges the versions of a batch before the batch',
    ['batches/facts-seen', 'batches/version-seen'],
    () => batchJudgedBeforehand,
  ),
  wrong('judges a version in one step and writes in the next', ['versioned/one-winner'], () => checkedInASeparateStep),
  wrong(
    'takes any version from the expected one on',
    [
      'durable/goes-on',
      'lifecycle/checked-fact',
      'versioned/deleted',
      'versioned/existing',
      'versioned/one-winner',
      'versioned/read-only-check',
      'versioned/truncated',
    ],
    forgiving(
      ({ expectedVersion }, state) =>
        typeof expectedVersion === 'number' && expectedVersion > 0 && state.version >= expectedVersion,
    ),
  ),
  wrong(
    'takes any version up to the expected one',
    ['versioned/deleted', 'versioned/existing', 'versioned/truncated'],
    forgiving(
      ({ expectedVersion }, state) =>
        typeof expectedVersion === 'number' && state.version > 0 && state.version <= expectedVersion,
    ),
  ),
  wrong(
    'does not look at expected versions at all',
    [
      'atomic/no-gap',
      'atomic/no-trace',
      'batches/facts-seen',
      'batches/neighbours-unharmed',
      'batches/refused-unseen',
      'batches/version-seen',
      'conditions/with-version',
      'durable/goes-on',
      'lifecycle/checked-fact',
      'lifecycle/refused-fact',
      'versioned/absent',
      'versioned/deleted',
      'versioned/every-check',
      'versioned/existing',
      'versioned/one-winner',
      'versioned/read-only-check',
      'versioned/truncated',
    ],
    forgiving(() => true),
  ),
  wrong(
    'expects a stream to exist without looking whether it was deleted',
    ['batches/facts-seen', 'versioned/deleted'],
    forgiving(({ expectedVersion }, state) => expectedVersion === 'stream_exists' && state.version > 0),
  ),
  wrong(
    'takes a deleted stream for one that exists',
    ['batches/facts-seen', 'durable/streams', 'versioned/deleted'],
    strict(({ expectedVersion }, state) => expectedVersion !== 'no_stream' || state.version === 0),
  ),
  wrong(
    'takes 0 for a version like any other',
    ['versioned/deleted'],
    strict(({ expectedVersion }, state) => expectedVersion !== 0 || state.version === 0),
  ),
  wrong(
    'takes a truncated stream for an absent one',
    ['versioned/deleted', 'versioned/truncated'],
    forgiving(
      ({ expectedVersion }, state) =>
        expectedVersion === 'no_stream' && state.truncateBefore > 1 && streamExists(state),
    ),
  ),
  wrong(
    'judges the first check only',
    ['versioned/every-check'],
    forgiving((check, _state, one) => one.checks.indexOf(check) > 0),
  ),
  wrong(
    'judges only the streams it writes',
    ['lifecycle/checked-fact', 'versioned/read-only-check'],
    forgiving((check, _state, one) => one.events.every((event) => event.streamId !== check.streamId)),
  ),
  wrong(
    'keeps the first event of an append it refuses',
    ['atomic/no-gap', 'atomic/no-trace', 'idempotent/partial'],
    () => firstEventStays,
  ),
  wrong('takes a position for an append it refuses', ['atomic/no-gap'], () => refusalTakesPosition),
  wrong(
    'shows a later append of a batch before an earlier one',
    ['ordered/commit-order'],
    hiddenForAMoment((landed) => {
      const [first, second] = landed
      return first && second && { from: first.firstPosition, to: first.lastPosition }
    }),
  ),
  wrong(
    'shows the beginning of an append before its end',
    ['atomic/whole', 'ordered/commit-order'],
    hiddenForAMoment((landed) => {
      const [first] = landed
      return first && { from: first.firstPosition + 1, to: Number.MAX_SAFE_INTEGER }
    }),
  ),
  wrong(
    'refuses the requests of a batch that come after a refused one',
    ['batches/facts-seen', 'batches/neighbours-unharmed', 'batches/refused-unseen', 'batches/version-seen'],
    lostAfterRefusal(async (refused) => refused),
  ),
  wrong(
    'acknowledges the requests of a batch that come after a refused one, and loses them',
    ['batches/facts-seen', 'batches/neighbours-unharmed', 'batches/refused-unseen', 'conditions/oracle'],
    lostAfterRefusal(async (_refused, engine) => {
      const head = await engine.head()
      return { status: 'done', firstPosition: head, lastPosition: head, streams: [] }
    }),
  ),
  wrong(
    'gives the outcomes of a batch with the refusals last',
    [
      'batches/facts-seen',
      'batches/neighbours-unharmed',
      'batches/refused-unseen',
      'batches/version-seen',
      'conditions/oracle',
    ],
    () => (engine) => ({
      append: async (batch, signal) => {
        const outcomes = await engine.append(batch, signal)
        return [...outcomes].sort(
          (left, right) => Number(!('firstPosition' in left)) - Number(!('firstPosition' in right)),
        )
      },
    }),
  ),
  wrong(
    'tells the head as it was before the last append',
    [
      'atomic/no-gap',
      'atomic/no-trace',
      'batches/visible-when-acknowledged',
      'conditions/whole-store',
      'durable/events',
      'ordered/head',
      'reads/beyond-the-end',
      'reads/goes-on',
      'reads/limit',
      'reads/stream-state',
    ],
    () => {
      let before = 0
      return (engine) => ({
        append: async (batch, signal) => {
          before = await engine.head(signal)
          return engine.append(batch, signal)
        },
        head: async (signal) => {
          await engine.head(signal)
          return before
        },
      })
    },
  ),
  wrong(
    'counts positions in tens and says they have no holes',
    ['atomic/no-gap', 'ordered/commit-order', 'ordered/gapless'],
    () => inTens,
  ),
  wrong('tells every append of a crowded batch the same version', ['ordered/race-on-one-stream'], () => (engine) => ({
    append: async (batch, signal) => {
      const outcomes = await engine.append(batch, signal)
      const [first] = outcomes
      if (batch.length < 9 || first === undefined || !('streams' in first)) return outcomes
      const { streams } = first
      return outcomes.map((outcome) => ('streams' in outcome ? { ...outcome, streams } : outcome))
    },
  })),
  wrong('fails on an empty batch', ['batches/empty'], () => (engine) => ({
    append: async (batch, signal) => {
      if (batch.length === 0) throw new RangeError('There is nothing to append.')
      return engine.append(batch, signal)
    },
  })),
  wrong('writes to 500 streams at once and to no more', ['bounded/most-streams'], () => (engine) => ({
    append: async (batch, signal) => {
      const streams = batch.map((one) => new Set(one.events.map((event) => event.streamId)).size)
      if (Math.max(0, ...streams) > 500) throw new RangeError('This append writes more than 500 streams.')
      return engine.append(batch, signal)
    },
  })),
  wrong(
    'numbers the versions of a stream by the requests that wrote it',
    [
      'atomic/whole',
      'batches/one-outcome-each',
      'batches/repeat-seen',
      'bounded/largest-append',
      'idempotent/repeat',
      'idempotent/repeat-across-instances',
      'idempotent/repeat-after-reopen',
      'idempotent/repeat-before-checks',
      'idempotent/several-streams',
      'ordered/versions',
    ],
    () => (engine) => ({
      append: async (batch, signal) => {
        const outcomes = await engine.append(batch, signal)
        return outcomes.map((outcome) =>
          outcome.status === 'done'
            ? { ...outcome, streams: outcome.streams.map((one) => ({ ...one, lastVersion: one.firstVersion })) }
            : outcome,
        )
      },
    }),
  ),
]
