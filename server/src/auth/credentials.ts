import { AccessRefused } from './access.ts'

/** What an `Authorization` header says (RFC 7617, RFC 6750). */
export type Credentials =
  | { readonly kind: 'password'; readonly login: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }

/** A header with more characters than this holds no credentials that anybody was given here. */
const headerCharsMax = 4_096

/**
 * The credentials in a header.
 *
 * @throws AccessRefused when they are in no form that is known here. The message never has a part of them in it.
 */
export function credentialsIn(header: string): Credentials {
  if (header.length > headerCharsMax) throw unreadable(`has more than ${headerCharsMax} characters`)
  const [, scheme = '', value = ''] = /^([!#$%&'*+.^_`|~\w-]+) +([\w\-.~+/]+=*) *$/.exec(header) ?? []
  switch (scheme.toLowerCase()) {
    case 'basic':
      return passwordIn(value)
    case 'bearer':
      return { kind: 'token', token: value }
    case '':
      throw unreadable('is no scheme with credentials behind it')
    default:
      throw unreadable('has a scheme that is not known here')
  }
}

function passwordIn(value: string): Credentials {
  const bytes = Buffer.from(value, 'base64')
  // Buffer skips what is no base64; padding may be missing.
  if (bytes.toString('base64').replace(/=+$/, '') !== value.replace(/=+$/, '')) throw unreadable('is no base64')
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) throw unreadable('is no UTF-8')
  const colon = text.indexOf(':')
  if (colon < 0) throw unreadable('has no colon between the name and the password')
  return { kind: 'password', login: text.slice(0, colon), password: text.slice(colon + 1) }
}

function unreadable(problem: string): AccessRefused {
  return new AccessRefused(
    'credentials',
    `The authorization header ${problem}. Send Basic with a user and a password, or Bearer with a token.`,
  )
}
