import { describe, expect, it } from 'vitest'
import { deletingMetadataText, readRulesIn, shownMetadata, storedMetadataText } from './metadata-text.ts'

const everything = '9223372036854775807'

describe('metadata of a stream', () => {
  it.each([
    '{}',
    ' { } ',
    '{"$maxCount":5}',
    '{"$tb":0}',
    '{"$tb":3,"own":{"deep":[1,"ü}"]}}',
    '{ "own" : 1.10, "$tb" : 7 }',
    '{"big":12345678901234567890,"$tb":2}',
    `{"$tb":${everything}}`,
  ])('is shown character by character as it was given: %s', (given) => {
    const stored = storedMetadataText(given, 10)
    expect(JSON.parse(stored)).toMatchObject(JSON.parse(given))
    expect(shownMetadata(stored, true)).toBe(given.includes('$tb') ? given.trimEnd() : given)
    expect(shownMetadata(Buffer.from(stored), undefined).toString()).toBe(shownMetadata(stored, undefined))
  })

  it('hides for the store what it hides for KurrentDB', () => {
    expect(JSON.parse(storedMetadataText('{"$tb":3}', 10))).toEqual({ $tb: 3, truncate_before: 4 })
    expect(JSON.parse(storedMetadataText(`{"$tb":${everything}}`, 10)).truncate_before).toBe(10)
    expect(JSON.parse(storedMetadataText('{"$maxAge":3}', 10))).toEqual({ $maxAge: 3 })
  })

  it('hides what a deleted stream had, unless it says itself that the stream is deleted', () => {
    for (const given of ['{"own":1}', '{"own":1,"$tb":2}']) {
      expect(JSON.parse(storedMetadataText(given, 10, true))).toEqual({ $tb: 9, own: 1, truncate_before: 10 })
    }
    const deleted = `{"$tb":${everything}}`
    expect(storedMetadataText(deleted, 10, true)).toBe(storedMetadataText(deleted, 10))
  })

  it('says that a stream is deleted, until that is written again', () => {
    const stored = deletingMetadataText('{"own":1,"$tb":2,"truncate_before":3}', 10)
    expect(shownMetadata(stored, true)).toBe(`{"$tb":${everything},"own":1}`)
    expect(shownMetadata(stored, undefined)).toBe(`{"$tb":${everything},"own":1}`)
    expect(shownMetadata(stored, false)).toBe('{"$tb":9,"own":1}')
    expect(shownMetadata(deletingMetadataText(undefined, 1), true)).toBe(`{"$tb":${everything}}`)
  })

  it('shows what the store was told, whatever a client said before', () => {
    const toldLater = '{"own":1,"$tb":2,"truncate_before":6}'
    expect(shownMetadata(toldLater, false)).toBe('{"$tb":5,"own":1}')
    expect(shownMetadata('{"truncate_before":6}', false)).toBe('{"$tb":5}')
    expect(shownMetadata('{"truncate_before":6}', true)).toBe(`{"$tb":${everything}}`)
    for (const odd of ['', '[]', '{"truncate_before":"x"}', '{"truncate_before"', '\u{1f600}']) {
      expect(shownMetadata(odd, true)).toBe(odd)
    }
    const bytes = Buffer.from([0xff, 0xfe])
    expect(shownMetadata(bytes, true)).toBe(bytes)
  })

  it('says how a stream is read', () => {
    expect(readRulesIn(storedMetadataText('{"$maxCount":5,"$maxAge":60,"$tb":3}', 10))).toEqual({
      maxCount: 5,
      maxAgeSeconds: 60,
      truncateBefore: 3,
    })
    expect(readRulesIn(deletingMetadataText(undefined, 5))).toEqual({ truncateBefore: 'deleted' })
    for (const nothing of ['', '{}', '{"$maxCount":0,"$maxAge":-1,"$tb":"x"}', '{"$maxCount":"5"}', 'null']) {
      expect(readRulesIn(nothing)).toEqual({})
    }
  })

  it.each(['', 'x', '[]', 'null', '"a"', '{"$tb":-1}', '{"$tb":1.5}', '{"$tb":"3"}', '{"truncate_before":1}'])(
    'is refused when it is none: %s',
    (given) => {
      expect(() => storedMetadataText(given, 10)).toThrow('metadata of a stream')
    },
  )
})
