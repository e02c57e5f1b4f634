import { packCorrelations } from './correlations.ts'
import type { Database, Statement } from './driver.ts'
import { packFingerprints } from './event-ids.ts'
import type { Log } from './log.ts'
import { packPositions } from './postings.ts'
import { type TermKind, termKinds } from './recent.ts'

const insertRun = `
  insert into stream_postings (stream, last_version, first_version, first_position, last_position, list)
  values (?, ?, ?, ?, ?, ?)`

const insertPostings = 'insert into postings (kind, term, last_position, first_position, list) values (?, ?, ?, ?, ?)'

const insertChunk = 'insert into chunks (last_position, first_position, fingerprints) values (?, ?, ?)'

const insertCorrelations = 'insert into correlations (last_position, first_position, list) values (?, ?, ?)'

/** Writes what memory knows about recent events as posting lists, inside the transaction that crossed the border. */
export function createSeal(db: Database, log: Log): () => void {
  const run: Statement = db.prepare(insertRun)
  const postings: Statement = db.prepare(insertPostings)
  const chunk: Statement = db.prepare(insertChunk)

  const correlations: Statement = db.prepare(insertCorrelations)

  function sealStreams(): void {
    // In the order of the table: neighbours then land on one page.
    for (const [stream, { firstVersion, positions }] of [...log.recent.streams].sort(([a], [b]) => a - b)) {
      const lastVersion = firstVersion + positions.length - 1
      run.run(stream, lastVersion, firstVersion, firstOf(positions), lastOf(positions), packPositions(positions))
    }
  }

  function sealTerms(kind: TermKind): void {
    for (const [term, positions] of [...log.recent.terms[kind]].sort(([a], [b]) => (a < b ? -1 : 1))) {
      postings.run(termKinds[kind], term, lastOf(positions), firstOf(positions), packPositions(positions))
    }
  }

  return () => {
    sealStreams()
    for (const kind of ['type', 'category', 'tag'] as const) sealTerms(kind)
    if (log.recent.correlations.size > 0) {
      const firstPosition = log.sealedTo + 1
      correlations.run(log.head, firstPosition, packCorrelations(log.recent.correlations, firstPosition))
    }
    chunk.run(log.head, log.sealedTo + 1, packFingerprints(log.recent.fingerprints))
    log.sealed()
  }
}

function firstOf(positions: readonly number[]): number {
  return positions[0] as number
}

function lastOf(positions: readonly number[]): number {
  return positions[positions.length - 1] as number
}
