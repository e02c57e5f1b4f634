/**
 * PostgreSQL's text holds every character but NUL. Names with a NUL are stored with U+0001 U+0001 for it and
 * U+0001 U+0002 for U+0001. No code is the beginning of another, and their order is the order of what they stand for:
 * equality, prefixes and the order by bytes stay what they were.
 */
const special = /[\0\x01]/
const specials = /[\0\x01]/g
const codes = /\x01[\x01\x02]/g

/** A name as it is stored: the same text, unless it has a NUL or U+0001 in it. */
export function encodeName(name: string): string {
  return special.test(name) ? name.replace(specials, (char) => (char === '\0' ? '\x01\x01' : '\x01\x02')) : name
}

/** The name that is stored as this text. */
export function decodeName(stored: string): string {
  return stored.includes('\x01') ? stored.replace(codes, (code) => (code === '\x01\x01' ? '\0' : '\x01')) : stored
}
