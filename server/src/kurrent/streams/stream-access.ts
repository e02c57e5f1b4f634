import { Refused } from '../refusal.ts'

/** Whether a stream is a view: read from indexes, never written. */
export function isView(stream: string): boolean {
  return stream === '$streams' || /^\$(?:ce|et|category)-./su.test(stream)
}

/** Whether a stream holds what is said about another one. */
export function isMetadataStream(stream: string): boolean {
  return stream.length > 2 && stream.startsWith('$$')
}

/** The stream that a stream of metadata speaks about. */
export function subjectOf(metadataStream: string): string {
  return metadataStream.slice(2)
}

/** Where a stream's metadata is. */
export function metadataStreamOf(stream: string): string {
  return `$$${stream}`
}

/**
 * Refuses to write where nobody may.
 *
 * @throws Refused
 */
export function refuseUnwritable(stream: string): void {
  if (stream === '' || stream === '$$') {
    throw new Refused({ kind: 'bad_request', problem: 'A stream needs a name; none is given.' })
  }
  if (stream.startsWith('$') && (isView(stream) || stream === '$all')) {
    const problem = `${stream} is a view of other streams and takes no events: append to the streams themselves.`
    throw new Refused({ kind: 'access_denied', problem })
  }
}
