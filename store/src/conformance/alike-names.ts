/** Names that some storage somewhere takes for one another. */
export interface AlikeNames {
  /** The rule that is broken by taking one for another. */
  readonly rule: string
  /** What they have in common. */
  readonly name: string
  readonly ids: readonly string[]
}

/** Names of which each is only itself. */
export const alikeNames: readonly AlikeNames[] = [
  { rule: 'names/prefix', name: 'one that begins like another', ids: ['a:1', 'a:11', 'a:', 'a', 'aa:1'] },
  {
    rule: 'names/case',
    name: 'upper and lower case',
    ids: ['order-1', 'Order-1', 'ORDER-1', 'straße', 'STRASSE', 'ı', 'I', 'i'],
  },
  {
    rule: 'names/spaces',
    name: 'spaces at either end and inside',
    ids: ['a', ' a', 'a ', 'a\t', 'a\n', 'a\u00a0', ' ', '  ', 'a b', 'a  b'],
  },
  { rule: 'names/nul', name: 'a NUL and what follows it', ids: ['a', 'a\0', 'a\0b', 'a\0c', '\0', '\0\0', '\0a'] },
  { rule: 'names/control', name: 'control characters', ids: ['a\x01', 'a\x02', 'a\x1b[31m', 'a\x7f', 'a\r\n', 'a\n'] },
  {
    rule: 'names/quotes',
    name: 'quotes and the ends of statements',
    ids: [
      "'",
      "''",
      '"',
      '""',
      '`',
      "a'; drop table events; --",
      "a'' or 1=1",
      '$1',
      '?',
      ':name',
      '\\',
      "\\'",
      '/* */',
      '--',
    ],
  },
  { rule: 'names/wildcards', name: 'wildcards', ids: ['a%', 'ab', 'a_', 'a\\%', 'a*', 'a?', '%', '_', '.*', '[a-z]'] },
  {
    rule: 'names/separators',
    name: 'what engines use to join things',
    ids: [
      'a',
      'a/b',
      'a/',
      '/',
      'a|b',
      'a#b',
      'a,b',
      'a;b',
      'a&b',
      'a=b',
      '{a}',
      '[a]',
      '../a',
      'a.b',
      'a-b',
      'a-',
      '-a',
      '-',
      '--a',
    ],
  },
  {
    rule: 'names/dollars',
    name: 'leading dollars',
    ids: ['a', '$a', '$', '$all', '$ce-a', '$streams', '$$', 'a$', '$-1'],
  },
  {
    rule: 'names/normalisation',
    name: 'composed and combining forms',
    ids: ['caf\u00e9', 'cafe\u0301', 'cafe', '\u212b', '\u00c5', 'A\u030a', 'ﬁ', 'fi'],
  },
  {
    rule: 'names/unicode',
    name: 'signs from everywhere',
    ids: [
      '日本語',
      '🐘',
      '🐘🐘',
      '👩‍🚀',
      '👩🚀',
      'שלום',
      '\u202eabc',
      'abc\u200b',
      'abc',
      '\u{10ffff}',
      '\uffff',
      '\ufeffabc',
    ],
  },
  {
    rule: 'names/numbers',
    name: 'what looks like a number or a value',
    ids: [
      '1',
      '01',
      '1.0',
      '1e0',
      ' 1',
      'null',
      'undefined',
      'true',
      'NaN',
      '0x1',
      '__proto__',
      'constructor',
      'toString',
    ],
  },
  {
    rule: 'names/long',
    name: 'long ones that differ at their end',
    ids: [
      'x'.repeat(1_000),
      `${'x'.repeat(999)}y`,
      'x'.repeat(999),
      'x'.repeat(256),
      'x'.repeat(255),
      'x'.repeat(64),
      'x'.repeat(63),
    ],
  },
  {
    rule: 'names/long',
    name: 'long ones of four bytes a sign',
    ids: ['🐘'.repeat(500), `${'🐘'.repeat(499)}🐕`, '日'.repeat(1_000), `${'日'.repeat(999)}月`],
  },
]
