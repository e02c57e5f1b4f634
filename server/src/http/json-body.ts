import { InvalidArgument } from 'varve'

/**
 * The value of a JSON body. Unlike a plain JSON.parse it refuses what would silently become something else: bytes that
 * are no UTF-8, and numbers that a double does not hold. An empty body is none.
 *
 * @throws INVALID_ARGUMENT
 */
export function jsonFrom(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) return undefined
  const text = textFrom(bytes)
  const value = parsed(text)
  // Reviving each value costs several times the parsing; only texts with a suspicious number need it.
  if (/\d{16}|\d[eE]\+?\d{3}/.test(text)) JSON.parse(text, refuseRounded as (key: string, value: unknown) => unknown)
  return value
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textFrom(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new InvalidArgument('body', 'is not UTF-8')
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser quotes the text around the place, which may be a payload: only the place is told.
    const [place = ''] = /at position \d+( \(line \d+ column \d+\))?/.exec((error as Error).message) ?? []
    throw new InvalidArgument('body', `is not JSON${place === '' ? '' : `: it goes wrong ${place}`}`)
  }
}

function refuseRounded(_: string, value: unknown, { source = '' }: { readonly source?: string } = {}): unknown {
  if (typeof value !== 'number') return value
  const isLong = /^-?\d{16,}$/.test(source)
  if (Number.isFinite(value) && (!isLong || String(value) === source)) return value
  throw new InvalidArgument(
    'body',
    `has the number ${source.slice(0, 40)}, which JSON readers would take for ${value}: ` +
      'send it as text, or the payload byte for byte as data_base64',
  )
}
