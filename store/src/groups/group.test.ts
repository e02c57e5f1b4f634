import { describe, it } from 'vitest'
import { expectTranscript } from '../../../test/transcripts/transcript.ts'
import { type GroupEffect, type GroupInput, step } from './group.ts'
import { normalSettings } from './group-settings.ts'
import { checkpointOf, type Group, newGroup } from './group-state.ts'

/** `group pinned retries 2`: a new group; every word but the strategy is a name and a number. */
function groupFrom(line: string): Group {
  const [, strategy = '', ...words] = line.split(' ')
  const after = (word: string, otherwise: number): number =>
    words.includes(word) ? Number(words[words.indexOf(word) + 1]) : otherwise
  const given = {
    strategy: strategy as 'round_robin',
    retriesMax: after('retries', 10),
    inFlightMax: after('flight', 1_000),
    consumersMax: after('consumers', 256),
  }
  return newGroup('g1', normalSettings(given, { stream: undefined, filter: 'everything' }), after('from', 1) - 1)
}

/** `7` or, of a pinned group, `7k3`: an event of key 3 at place 7. */
function eventFrom(word: string): { place: number; key: number | undefined } {
  const [place, key] = word.split('k')
  return { place: Number(place), key: key === undefined ? undefined : Number(key) }
}

/** What members say, as in `A holds 2 of 1 2 3 to 5`. */
function inputFrom(line: string): GroupInput {
  const [member = '', verb = '', ...words] = line.split(' ')
  const places = words.map(Number).filter((place) => !Number.isNaN(place))
  const failures = places.map((place) => ({ place, reason: 'no luck' }))
  switch (verb) {
    case 'joins':
      return { kind: 'join', member }
    case 'beats': {
      const consumers = words
        .slice(1)
        .map((name) => ({ name, bufferEvents: 2, inFlight: 0, finished: 0, perSecond: 0 }))
      return { kind: 'beat', member, beats: Number(words[0]), consumers }
    }
    case 'leaves':
      return { kind: 'leave', member }
    case 'is':
      return { kind: 'lose', member }
    case 'holds': {
      const to = words.indexOf('to')
      const events = words.slice(words.indexOf('of') + 1, to).map(eventFrom)
      const isIdle = words.includes('idle')
      return { kind: 'hold', member, room: Number(words[0]), isIdle, ahead: { events, through: Number(words[to + 1]) } }
    }
    case 'acks':
      return { kind: 'finish', member, places, as: 'acked' }
    case 'skips':
      return { kind: 'finish', member, places, as: 'skipped' }
    case 'fails':
      return { kind: 'fail', member, failures }
    case 'parks':
      return { kind: 'park', member, failures }
    case 'returns':
      return { kind: 'release', member, places, as: words.includes('unused') ? 'unused' : 'failed' }
    case 'stops':
      return { kind: 'stop', member, place: places[0] ?? 0, reason: 'no luck' }
    case 'discards':
      return { kind: 'discard', member, places }
    case 'tidied':
      return { kind: 'tidied', done: places, dropped: [] }
    case 'dropped':
      return { kind: 'tidied', done: [], dropped: places }
    case 'pulls': {
      const [after = 0, through = 0, ...parked] = words.filter((word) => word !== 'to')
      const events = parked.map((word) => eventFrom(String(word)))
      return { kind: 'pull', after: Number(after), through: Number(through), discards: 0, events }
    }
    default:
      return operatorInputFrom(line)
  }
}

/** What operators say. */
function operatorInputFrom(line: string): GroupInput {
  const [verb = '', ...words] = line.split(' ')
  const [after = 0, through = 0] = words.map(Number).filter((place) => !Number.isNaN(place))
  if (verb === 'replay') return { kind: 'replay', replays: [{ after, through }] }
  if (verb === 'halt') return { kind: 'halt', reason: 'maintenance' }
  if (verb === 'start') return { kind: 'start' }
  const given = { strategy: words[0] as 'round_robin' }
  return { kind: 'update', settings: normalSettings(given, { stream: undefined, filter: 'everything' }) }
}

function effectLine(effect: GroupEffect): string {
  if (effect.kind === 'held') return `held ${effect.events.map(({ place }) => place).join(' ')}`
  if (effect.kind === 'full') return `full ${effect.consumers.join(' ')}`.trim()
  return `${effect.kind} ${effect.places.join(' ')}`
}

/** What the group is, in a line: each unfinished event with its holder, its failed attempts and its losses. */
function stateLine(group: Group): string {
  const unfinished = group.unfinished.map(({ place, key, holder = '-', attempts, losses, isReplayed }) => {
    const marks = `${attempts > 0 ? `!${attempts}` : ''}${losses > 0 ? `?${losses}` : ''}${isReplayed ? 'r' : ''}`
    return `${place}${key === undefined ? '' : `k${key}`}:${holder}${marks}`
  })
  const chores = group.chores.map(({ number, kind, place, member }) => `#${number} ${kind} ${place} by ${member}`)
  const replays = group.replays.map(({ after, through }) => `replay ${after}..${through}`)
  const { acked, skipped, parked } = group.counts
  return [
    `up to ${group.reached}, checkpoint ${checkpointOf(group)}`,
    ...(unfinished.length > 0 ? [unfinished.join(' ')] : []),
    ...chores,
    ...replays,
    `acked ${acked}${skipped > 0 ? ` skipped ${skipped}` : ''}${parked > 0 ? ` parked ${parked}` : ''}`,
    ...(group.stopped === undefined ? [] : [`stopped at ${group.stopped.place ?? '-'}: ${group.stopped.reason}`]),
  ].join(' | ')
}

describe('the machine of a consumer group', () => {
  it('says what its transcript says', () => {
    let group = groupFrom('group round_robin')
    expectTranscript('consumer-group', (line) => {
      if (line.startsWith('group ')) {
        group = groupFrom(line)
        return []
      }
      const next = step(group, inputFrom(line))
      group = next.group
      return [...next.effects.map(effectLine), stateLine(group)]
    })
  })
})
