import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { isVarveError, type VarveErrorShape } from 'varve'
import { AccessRefused } from '../auth/access.ts'
import { type UserProblem, UserRefused } from '../auth/user-refused.ts'
import { statusOf } from './status.ts'

/** An error as RFC 9457 describes it, with the facts of the error beside. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly [fact: string]: unknown
}

/** Its media type. */
export const problemType = 'application/problem+json'

/** Answers a request with what went wrong. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof AccessRefused && isAboutCredentials(error)) reply.header('www-authenticate', challenge)
  const found = { ...problemOf(error, isConditional(request)), ...bodyFacts(error, request) }
  if (found.status >= 500 && !expectedStatuses.has(found.status)) request.log.error({ err: error }, found.detail)
  void sendProblem(reply, found)
}

/** What is not offered here, and a read model that is late, are no failures of the server: nobody has to look after them. */
const expectedStatuses: ReadonlySet<number> = new Set([501, 504])

/** Answers with a problem document. */
export function sendProblem(reply: FastifyReply, found: Problem): FastifyReply {
  if (found.status === 503 || found.status === 429) reply.header('retry-after', '1')
  return reply.status(found.status).type(problemType).header('cache-control', 'no-store').send(found)
}

/** The problem document of an error; `byHeader` when the request carried a precondition header. */
export function problemOf(error: unknown, byHeader = false): Problem {
  if (isVarveError(error)) return varveProblem(error, byHeader)
  if (error instanceof AccessRefused) return accessProblem(error)
  if (error instanceof UserRefused) return userProblem(error)
  const { statusCode = 500, message, code } = error as Partial<FastifyError>
  if (statusCode >= 500) {
    return problem(500, 'INTERNAL', 'The server failed; its log says why. Retry appends with the same event ids.')
  }
  return problem(statusCode, codeOf(statusCode), adviceFor(code) ?? message ?? 'The request is not valid HTTP.')
}

/** A problem that is the protocol's own, not the store's. */
export function problem(
  status: number,
  code: string,
  detail: string,
  facts: Readonly<Record<string, unknown>> = {},
): Problem {
  const words = code.toLowerCase().replaceAll('_', ' ')
  const title = words.charAt(0).toUpperCase() + words.slice(1)
  return { type: `urn:varve:error:${code}`, title, status, detail, code, ...facts }
}

/** How to log in (RFC 9110, section 11.6.1). */
const challenge = 'Basic realm="varve", charset="UTF-8", Bearer realm="varve"'

function isAboutCredentials({ problem: why }: AccessRefused): boolean {
  return why === 'anonymous' || why === 'credentials'
}

function accessProblem(refused: AccessRefused): Problem {
  if (isAboutCredentials(refused)) return problem(401, 'UNAUTHENTICATED', refused.message)
  if (refused.problem === 'guesses') return problem(429, 'TOO_MANY_GUESSES', refused.message)
  return problem(403, 'FORBIDDEN', refused.message, { retryable: false })
}

function userProblem({ problem: why, login, message }: UserRefused): Problem {
  const [status, code] = userProblems[why]
  return problem(status, code, message, { login })
}

const userProblems: Readonly<Record<UserProblem, readonly [number, string]>> = {
  not_found: [404, 'NO_SUCH_USER'],
  exists: [409, 'USER_EXISTS'],
  invalid: [422, 'USER_INVALID'],
  overtaken: [409, 'USER_OVERTAKEN'],
  wrong_password: [403, 'WRONG_PASSWORD'],
  no_logins: [501, 'NO_LOGINS'],
}

function varveProblem(error: VarveErrorShape, byHeader: boolean): Problem {
  const facts: Record<string, unknown> = { retryable: error.retryable }
  for (const [name, value] of Object.entries(error)) if (!withheld.has(name)) facts[snakeCase(name)] = value
  let detail = error.message
  if (typeof facts.argument === 'string') {
    const argument = facts.argument
    facts.argument = wireArgument(argument)
    detail = facts.argument + detail.slice(argument.length)
  }
  return problem(statusOf(error.code, byHeader), error.code, detail, facts)
}

/** A cause may hold paths and addresses that are nobody's business beyond this machine; the rest is the framework's. */
const withheld: ReadonlySet<string> = new Set([
  'name',
  'message',
  'stack',
  'cause',
  'code',
  'retryable',
  'statusCode',
  'validationContext',
])

/** An argument by the name that a client knows: `events[0].schemaVersion` is `events[0].schema_version`. */
function wireArgument(argument: string): string {
  if (!/^[a-zA-Z]+(\[\d+\])?(\.[a-zA-Z]+(\[\d+\])?)*$/.test(argument)) return argument
  return argument
    .replace(/(events\[\d+\])\.(id|type)\b/, '$1.event_$2')
    .replace(/^filter\b/, 'query')
    .split('.')
    .map(snakeCase)
    .join('.')
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function codeOf(status: number): string {
  if (status === 413) return 'BODY_TOO_LARGE'
  if (status === 415) return 'UNSUPPORTED_MEDIA_TYPE'
  return 'INVALID_REQUEST'
}

function adviceFor(code: string | undefined): string | undefined {
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return 'The body has to be JSON: send content-type: application/json.'
    case 'FST_ERR_BAD_URL':
      return 'The path is not percent-encoded UTF-8.'
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return 'A name in the path is too long.'
    default:
      return undefined
  }
}

/** Which bound a body passed; the framework's own error does not say. */
function bodyFacts(error: unknown, { server }: FastifyRequest): object {
  if ((error as Partial<FastifyError>).code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return {}
  const allowed = server.initialConfig.bodyLimit
  const detail =
    `The body is larger than the ${allowed} bytes that this server takes (VARVE_BODY_BYTES). ` +
    'Split the append, or put what is large into a blob store and its claim into the event: docs/guides/large-payloads.md.'
  return { detail, limit: 'body_bytes', allowed }
}

function isConditional({ headers }: FastifyRequest): boolean {
  return headers['if-match'] !== undefined || headers['if-none-match'] !== undefined
}
