/** The status codes of gRPC by name (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
export const statusCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** The name of one of {@link statusCodes}. */
export type StatusName = keyof typeof statusCodes

/** Trailers beside the status. A name that ends in `-bin` has bytes, any other one text. */
export type Trailers = Readonly<Record<string, string | Uint8Array>>

/** What ends a call with another status than OK. */
export class CallFailed extends Error {
  readonly status: StatusName
  readonly trailers: Trailers

  constructor(status: StatusName, message: string, trailers: Trailers = {}) {
    super(message)
    this.name = 'CallFailed'
    this.status = status
    this.trailers = trailers
  }
}

/** Header lists have a bound in every client; what a message says beyond this is in the log. */
const messageCharsMax = 1_000

/** How a call ended, as the trailers of HTTP/2 carry it. */
export function statusTrailers(status: StatusName, message = '', trailers: Trailers = {}): Record<string, string> {
  const sent: Record<string, string> = { 'grpc-status': String(statusCodes[status]) }
  if (message !== '') sent['grpc-message'] = percentEncoded(message.slice(0, messageCharsMax))
  for (const [name, value] of Object.entries(trailers)) {
    sent[name] = typeof value === 'string' ? percentEncoded(value) : Buffer.from(value).toString('base64')
  }
  return sent
}

/** Text in a header is printable ASCII; everything else goes as percent-encoded UTF-8, the percent sign included. */
function percentEncoded(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text
  return text.toWellFormed().replaceAll(/[^ -$&-~]+/g, (run) => {
    const octets = [...Buffer.from(run)]
    return octets.map((octet) => `%${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}
