/** Under this key stands a part of a query string that is not percent-encoded UTF-8. */
export const undecodable: unique symbol = Symbol('undecodable')

/** A query string, decoded; a field given several times is a list. */
export interface QueryString {
  readonly [field: string]: string | string[]
  readonly [undecodable]?: string
}

/** Decodes a query string. Never throws, since it runs outside of any route: what it cannot decode it keeps aside. */
export function parseQueryString(text: string): QueryString {
  const fields = new Map<string, string | string[]>()
  let broken: string | undefined
  for (const part of text.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decoded(equals < 0 ? part : part.slice(0, equals))
    const value = decoded(equals < 0 ? '' : part.slice(equals + 1))
    if (name === undefined || value === undefined) {
      broken = part
      continue
    }
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value])
  }
  return { ...Object.fromEntries(fields), ...(broken !== undefined && { [undecodable]: broken }) }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
