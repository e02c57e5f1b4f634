import type { Row } from './driver.ts'

/**
 * The fields of a record in PostgreSQL's text form, such as `(12,"{1,2}",)`: nothing at all is null, and a quote or a
 * backslash within quotes is doubled (https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX).
 */
export function fieldsOfRecord(record: string): Row {
  const fields: (string | null)[] = []
  const end = record.length - 1
  for (let at = 1; at <= end; ) {
    const isQuoted = record[at] === '"'
    const to = isQuoted ? closingQuote(record, at + 1) : nextComma(record, at, end)
    if (isQuoted) fields.push(record.slice(at + 1, to).replace(/""|\\\\/g, ([first]) => first as string))
    else fields.push(to === at ? null : record.slice(at, to))
    at = isQuoted ? to + 2 : to + 1
  }
  return fields
}

function nextComma(record: string, from: number, end: number): number {
  const comma = record.indexOf(',', from)
  return comma === -1 ? end : comma
}

function closingQuote(record: string, from: number): number {
  for (let at = record.indexOf('"', from); ; at = record.indexOf('"', at + 2)) {
    if (record[at + 1] !== '"') return at
  }
}
