/** An error of a client of AWS, as far as it tells about itself. */
export interface AwsFailure {
  readonly name?: unknown
  /** Node's, when no answer came. */
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly attempts?: unknown }
}

/** What Node says when a server is not there, or gone in the middle. */
const broken: readonly unknown[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
]

/** Whether a service was out of reach, or says by its status that the same request may succeed in a moment. */
export function isOutOfReach(error: unknown): boolean {
  const { code, $metadata: { httpStatusCode: status } = {} } = (error ?? {}) as AwsFailure
  if (broken.includes(code)) return true
  return typeof status === 'number' && (status >= 500 || status === 429 || status === 408)
}

/** What an error of a client says, with its name where that says something. */
export function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
}
