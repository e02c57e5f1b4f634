import { isVarveError } from '../../../model/errors.ts'
import { TargetFailed, TargetUnavailable } from '../../../model/target-errors.ts'
import type { Answer } from './client.ts'

/** How the server says what is wrong. */
interface Refusal {
  readonly error?: { readonly type?: unknown; readonly reason?: unknown } | string
}

/** Statuses of a server that is busy, or of something before it that cannot reach it. */
const passing: readonly number[] = [408, 429, 502, 503, 504]

const advice: Readonly<Record<number, string>> = {
  401: 'Give credentials: in the URL, in headers, or by a client of yours',
  403: 'Give the user the rights that the guide lists',
  406: 'A client of Elasticsearch does not speak to OpenSearch: give one of OpenSearch, or a url',
  413: 'Make the document smaller, or raise http.max_content_length',
}

/** What the official clients throw that no waiting mends, by name. */
const hopeless: readonly string[] = ['ProductNotSupportedError', 'ConfigurationError']

/** What a client of OpenSearch says of a field `__proto__`, which it takes for an attack unless it is told otherwise. */
const poisoned = 'Object contains forbidden prototype property'

/** No answer came. */
export function noAnswer(error: unknown): unknown {
  if (isVarveError(error)) return error
  if (error instanceof Error && hopeless.includes(error.name)) {
    return new TargetFailed('elasticsearch', `${error.name}: ${error.message}`, { cause: error })
  }
  if (error instanceof Error && error.message === poisoned) {
    return new TargetFailed('elasticsearch', `${poisoned}. Make the client with disablePrototypePoisoningProtection.`, {
      cause: error,
    })
  }
  const { cause } = error instanceof Error ? error : { cause: undefined }
  // What fetch throws says only that it failed; why, its cause says.
  const said = cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error)
  return new TargetUnavailable('elasticsearch', said || 'no answer', { cause: error })
}

/** What an answer means that is not one of those expected. */
export function unexpected({ status, body }: Answer): Error {
  const said = `${status} ${saidBy(body)}`
  if (passing.includes(status)) return new TargetUnavailable('elasticsearch', said)
  const hint = advice[status]
  return new TargetFailed('elasticsearch', hint === undefined ? said : `${said}. ${hint}.`)
}

/** What came is not from the server. */
export function noJson({ status, body }: Answer): Error {
  return new TargetUnavailable('elasticsearch', `${status} with something that is no JSON: ${saidBy(body)}`)
}

/** Type and reason that the server gives. */
export function saidBy(body: unknown): string {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as Refusal
  if (typeof error === 'object' && error !== null) return `${error.type}: ${error.reason}`
  return typeof error === 'string' ? error : JSON.stringify(body ?? '').slice(0, 300)
}

/** The type of an error, as in index_not_found_exception. */
export function errorType(body: unknown): string | undefined {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as Refusal
  return typeof error === 'object' && error !== null ? String(error.type) : undefined
}

/** Whether a refusal is for what a document is, and not for who sends it or for how the server is. */
export function isOfDocument(status: number): boolean {
  return status === 400
}
