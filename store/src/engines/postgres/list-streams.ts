import type { StreamsPage } from '../../engine/engine.ts'
import { streamInfo } from '../../model/stream.ts'
import type { Row } from './driver.ts'
import { decodeName } from './names.ts'

/**
 * $1: prefix, $2: after, $3: limit. The index knows the first 300 characters; what is alike so far is fetched whole and
 * sorted. The ends of the range are written as rows for the same reason as in {@link selectStream}, and the case keeps
 * the planner from multiplying three guesses into a number of rows so small that it would sort them all.
 */
export const selectStreams = (schema: string): string => `
  select s.stream_id, s.version, s.truncate_before, s.tombstoned from (
    select s.* from ${schema}.streams s
    where (left(s.stream_id, 300), '') >= (greatest(left($1, 300) collate "C", left($2, 300) collate "C"), '')
      and (left(s.stream_id, 300), '') <= (left($1, 300) || repeat(chr(1114111), 300), '')
      and case when s.stream_id > $2 and starts_with(s.stream_id, $1) then s.version > 0 else false end
    order by left(s.stream_id, 300) fetch first ($3::bigint) rows with ties) as s
  order by left(s.stream_id, 300), s.stream_id limit $3`

/** The streams in rows of which one more was asked for than a page has. */
export function streamsPage(rows: readonly Row[], limit: number): StreamsPage {
  return { streams: rows.slice(0, limit).map(infoIn), end: rows.length <= limit }
}

function infoIn([streamId, version, truncateBefore, tombstoned]: Row): StreamsPage['streams'][number] {
  return streamInfo(decodeName(streamId as string), {
    version: Number(version),
    truncateBefore: Number(truncateBefore),
    tombstoned: tombstoned === 't',
  })
}
