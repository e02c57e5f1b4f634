/**
 * PostgreSQL's text holds every character but NUL. Names with a NUL are stored with U+0001 U+0001 for it and
 * U+0001 U+0002 for U+0001. No code is the beginning of another, and their order is the order of what they stand for:
 * equality, prefixes and the order by bytes stay what they were.
 */
const nul = '\x01\x01'
const one = '\x01\x02'

/** A name as it is stored: the same text, unless it has a NUL or U+0001 in it. */
export function encodeName(name: string): string {
  if (!name.includes('\0') && !name.includes('\x01')) return name
  return name.replaceAll('\x01', one).replaceAll('\0', nul)
}

/** The name that is stored as this text. */
export function decodeName(stored: string): string {
  // A run of U+0001 begins with the beginning of a code, so codes are found from the left, NULs first.
  return stored.includes('\x01') ? stored.replaceAll(nul, '\0').replaceAll(one, '\x01') : stored
}
