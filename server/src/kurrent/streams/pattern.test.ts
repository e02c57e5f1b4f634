import { describe, expect, it } from 'vitest'
import { patternOf } from './pattern.ts'

describe('a pattern', () => {
  it.each([
    ['^[^$].*', 'Order-1', true],
    ['^[^$].*', '$metadata', false],
    ['rder', 'Order-1', true],
    ['^(Order|Customer)-\\d+$', 'Customer-12', true],
    ['^(?!\\$)', '$metadata', false],
    ['(?i)^order', 'ORDER-1', true],
    ['\\AOrder', 'Order-1', true],
    ['\\AOrder', 'a\nOrder-1', false],
    ['r-1\\z', 'Order-1\n', false],
    ['r-1\\Z', 'Order-1\n', true],
    ['^\\p{Lu}', 'Äpfel', true],
    ['^(?<kind>a)\\k<kind>$', 'aa', true],
    ['(a+b+)+c', 'aabbabc', true],
    ['^a\\.b\\-\\/\\$\\tc\\x41\\u0042$', 'a.b-/$\tcAB', true],
    ['', 'anything', true],
  ])('matches as in .NET: %j on %j', (regex, text, matches) => {
    const pattern = patternOf(regex)
    expect(pattern.matches(text)).toBe(matches)
    expect(pattern.matches(text)).toBe(matches)
  })

  it.each(['(', '[a', '*', '(?>a)', '\\Ga', '\\p{Nonsense}', 'a'.repeat(5_000)])(
    'is refused when it is none: %s',
    (regex) => {
      expect(() => patternOf(regex)).toThrow('regex')
    },
  )

  it.each(['\\QOrder-1\\E', '^\\h+', '[\\q]', '\\pL', '\\ka', 'a\\_b', '\\ä'])(
    'is refused when it escapes what needs no escape, as in .NET: %s',
    (regex) => {
      expect(() => patternOf(regex)).toThrow('which this server does not know')
    },
  )

  it.each([
    ['^(a+)+$', 'a'],
    ['^(a|aa)+$', 'a'],
    ['(x+x+)+y', 'x'],
    ['^(\\w*)*$', 'w'],
  ])('that never ends is stopped: %s', (regex, letter) => {
    const begun = Date.now()
    expect(() => patternOf(regex).matches(`${letter.repeat(900)}!`)).toThrow('takes more than')
    expect(Date.now() - begun).toBeLessThan(5_000)
  })

  it('answers for thousands of texts, and goes on after one took too long', () => {
    const pattern = patternOf('^(a+)+$')
    expect(() => pattern.matches(`${'a'.repeat(100)}!`)).toThrow('takes more than')
    expect(pattern.matches('aaa')).toBe(true)
    const quick = patternOf('^Order-.*')
    for (let count = 0; count < 30_000; count++) expect(quick.matches(`Order-${count}`)).toBe(true)
  })
})
