import { describe, expect, it } from 'vitest'
import { credentialsIn } from './credentials.ts'

const basic = (text: string | Uint8Array): string => `Basic ${Buffer.from(text as string).toString('base64')}`

describe('an authorization header', () => {
  it.each([
    [basic('ada:secret'), { login: 'ada', password: 'secret' }],
    [basic('ada:'), { login: 'ada', password: '' }],
    [basic(':x'), { login: '', password: 'x' }],
    [basic('ada:a:b:c'), { login: 'ada', password: 'a:b:c' }],
    [basic('Åsa:pässwörd'), { login: 'Åsa', password: 'pässwörd' }],
    [`bAsIc   ${Buffer.from('ada:s').toString('base64')}`, { login: 'ada', password: 's' }],
    // Padding that a client has left out.
    ['Basic YWRhOnM', { login: 'ada', password: 's' }],
  ])('says a user and a password: %s', (header, expected) => {
    expect(credentialsIn(header)).toEqual({ kind: 'password', ...expected })
  })

  it('says a token', () => {
    expect(credentialsIn('Bearer vt.abc.def-_~+/==')).toEqual({ kind: 'token', token: 'vt.abc.def-_~+/==' })
  })

  it.each([
    '',
    ' ',
    'Basic',
    'Basic ',
    'Basic YWRh:Onm',
    'Basic ?',
    basic('no colon'),
    basic(Buffer.from([0xff, 0x3a, 0x61])),
    'Digest username="ada"',
    'Negotiate abcdef',
    'YWRhOnM=',
    'Basic YWRhOnM=, Bearer x',
    `Bearer ${'x'.repeat(100_000)}`,
    'Bearer a b',
    '\u0000\u0001',
  ])('is refused where it says neither, without being repeated: %j', (header) => {
    expect(() => credentialsIn(header)).toThrow(/^The authorization header /)
    const secret = header.split(' ').at(-1) ?? ''
    if (secret.length > 5) expect(() => credentialsIn(header)).not.toThrow(secret)
  })
})
