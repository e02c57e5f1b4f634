/**
 * The value of JSON text. Unlike a plain JSON.parse it refuses numbers that would silently become others: more digits
 * than a double holds, `1e400` (null when it is written again), `1e-400` (0). Decimals are rounded, as everybody does.
 *
 * @throws SyntaxError when the text is no JSON, NumberLost naming the number.
 */
export function exactJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  // Reviving each value costs several times the parsing; only texts with a suspicious number need it.
  if (/\d{16}|\d[eE][+-]?\d{3}/.test(text)) JSON.parse(text, refuseRounded as (key: string, value: unknown) => unknown)
  return value
}

/** A number of a JSON text would not be kept. */
export class NumberLost extends Error {}

function refuseRounded(_: string, value: unknown, { source = '' }: { readonly source?: string } = {}): unknown {
  if (typeof value !== 'number') return value
  const isLong = /^-?\d{16,}$/.test(source)
  const vanished = value === 0 && /^[-0.]*[1-9]/.test(source)
  if (Number.isFinite(value) && !vanished && (!isLong || String(value) === source)) return value
  throw new NumberLost(
    `has the number ${source.slice(0, 40)}, which JSON readers would take for ${value}: ` +
      'send it as text, or the payload byte for byte as data_base64',
  )
}
