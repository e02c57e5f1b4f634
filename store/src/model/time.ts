/** What is said of a text that names no moment. */
export const notIsoTime = 'is no ISO 8601 time with its zone, as in 2026-01-15T10:30:00.000Z'

/** A date, or a date and a time that says its distance from UTC; years as JavaScript writes them. */
const written = /^(?:\d{4}|[+-]\d{6})-\d\d-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/

/**
 * The moment that an ISO 8601 text names, in milliseconds since 1970, or undefined when it names none. Dates alone would
 * parse far more: a time without a zone as one of the zone that the process runs in, `"7"` as a month, and the 30th of
 * February as a day of March.
 */
export function momentOf(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const day = Number(written.exec(text)?.[1])
  const ms = Date.parse(text)
  if (Number.isNaN(day) || Number.isNaN(ms)) return undefined
  return day > 28 && !hasDay(text, day) ? undefined : ms
}

function hasDay(text: string, day: number): boolean {
  const date = text.slice(0, text.indexOf('-', 1) + 6)
  return new Date(Date.parse(date)).getUTCDate() === day
}
