/**
 * Control characters, and the marks that turn the direction of text: names and payloads come from anybody, and printed
 * as they are they could rewrite a terminal's lines or break a column in two.
 */
const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

const short: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** Text on one line without anything a terminal would obey. */
export function visible(text: string): string {
  return text.replaceAll(unprintable, (character) => short[character] ?? escaped(character))
}

/** Text cut to a number of characters, the last of them an ellipsis when something is missing. */
export function cutTo(text: string, characters: number): string {
  if (text.length <= characters) return text
  return characters < 1 ? '' : `${text.slice(0, characters - 1)}…`
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}
