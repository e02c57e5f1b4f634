import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { withMetadata } from './execute-options.ts'

describe('an event that a command decided for', () => {
  const placed = { type: 'OrderPlaced', data: {}, metadata: { userId: 'ada', channel: 'web' } }

  it("has the command's id, and its metadata under what it has itself", () => {
    const { metadata } = withMetadata(placed, { commandId: 'req-1', metadata: { userId: 'bob', region: 'eu' } })
    deepEqual(metadata, { userId: 'ada', region: 'eu', channel: 'web', commandId: 'req-1' })
  })

  it('keeps metadata that is bytes', () => {
    const event = { ...placed, metadata: new Uint8Array([1, 2]) }
    equal(withMetadata(event, { commandId: 'req-1', metadata: { region: 'eu' } }), event)
  })
})
