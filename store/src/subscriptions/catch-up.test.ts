import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { expectTranscript } from '../../../test/transcripts/transcript.ts'
import type { StoredEvent } from '../model/event.ts'
import { type CatchUpEffect, type CatchUpInput, type CatchUpPage, catchUp, catchUpFrom } from './catch-up.ts'

function event(position: number): StoredEvent {
  const texts = { id: `e${position}`, streamId: 'S-1', type: 'T', contentType: 'application/json', data: '0' }
  const rest = { schemaVersion: 1, metadataContentType: 'application/json', metadata: '{}', tags: [], recordedAtMs: 0 }
  return { ...texts, ...rest, version: position, position }
}

/** `start`, `moved`, or `page 3 5 next 7 end head 6`. */
function inputFrom(line: string): CatchUpInput {
  const [kind, ...words] = line.split(' ')
  if (kind === 'start' || kind === 'moved') return { kind }
  const after = (word: string): number => Number(words[words.indexOf(word) + 1])
  const positions = words.slice(0, words.indexOf('next')).map(Number)
  const page = { events: positions.map(event), next: after('next'), end: words.includes('end'), head: after('head') }
  return { kind: 'page', page }
}

function lineFrom(effect: CatchUpEffect): string {
  switch (effect.kind) {
    case 'read':
      return `read from ${effect.from}`
    case 'deliver':
      return `deliver ${effect.event.position}`
    case 'mark':
      return `${effect.mark} ${effect.position}`
    case 'wait':
      return `wait beyond ${effect.beyondHead}`
  }
}

describe('the catch-up machine', () => {
  it('says what its transcript says', () => {
    let state = catchUpFrom(1)
    expectTranscript('catch-up', (line) => {
      if (line.startsWith('from ')) {
        state = catchUpFrom(Number(line.slice(5)))
        return []
      }
      const step = catchUp(state, inputFrom(line), (stored) => stored.position)
      state = step.state
      return step.effects.map(lineFrom)
    })
  })

  it('delivers every event once and in order, however pages are cut, repeated or overlap', () => {
    const cuts = fc.array(fc.record({ back: fc.nat(3), size: fc.integer({ min: 0, max: 5 }) }), { maxLength: 40 })
    fc.assert(
      fc.property(cuts, fc.integer({ min: 1, max: 5 }), (pages, from) => {
        const delivered: number[] = []
        let state = catchUpFrom(from)
        let highest = from
        for (const { back, size } of pages) {
          const start = Math.max(highest - back, 1)
          const events = Array.from({ length: size }, (_, index) => event(start + index))
          const page: CatchUpPage = { events, next: start + size, end: false, head: 1_000 }
          const step = catchUp(state, { kind: 'page', page }, (stored) => stored.position)
          state = step.state
          for (const effect of step.effects) if (effect.kind === 'deliver') delivered.push(effect.event.position)
          highest = Math.max(highest, start + size)
        }
        deepEqual(
          delivered,
          Array.from({ length: highest - from }, (_, index) => from + index),
        )
      }),
    )
  })
})
