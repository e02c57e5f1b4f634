import type { Clock } from '../engine/clock.ts'
import { EngineUnavailable, isVarveError, RemoteFailed } from '../model/errors.ts'
import { type ProblemDocument, refusalFrom } from './refusal.ts'

/** One request to a Varve server. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With its query string, from the first slash on. */
  readonly path: string
  /** JSON text. */
  readonly body?: string
  readonly accept?: string
  readonly signal?: AbortSignal | undefined
  /** True: goes on while the store closes, which waits for it. */
  readonly finishes?: boolean
}

/** The JSON object of an answer. */
export type Answer = Readonly<Record<string, unknown>>

/** A Varve server's API. */
export interface HttpApi {
  /** The parsed answer. Asked again while the server is away: every request that is sent here may be repeated. */
  call(request: ApiRequest): Promise<Answer>
  /** The body of the answer as it comes; asked once. */
  open(request: ApiRequest): Promise<ReadableStream<Uint8Array>>
  /** Resolves when no request that finishes is under way any more. */
  finished(): Promise<void>
}

/** What {@link httpApi} works with. */
export interface HttpApiParts {
  /** Without a slash at its end. */
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  /** How long one attempt waits for its answer. */
  readonly timeoutMs: number
  /** Aborts with STORE_CLOSED when the store closes. */
  readonly closing: AbortSignal
}

/** Attempts of one request while the server is away; with their pauses about three seconds. */
const attemptsMax = 6
const retryMinMs = 50

/** Why a request's timer ends early; one for all, because making an AbortError with its stack costs as much as the call. */
const over = new Error('the request is over')

/** The API at a base URL. */
export function httpApi(parts: HttpApiParts): HttpApi {
  const finishing = new Set<Promise<unknown>>()

  async function attempt<Result>(
    request: ApiRequest,
    read: (response: Response) => Promise<Result>,
    timeout: AbortSignal,
  ): Promise<Result> {
    const { signal, finishes = false } = request
    const signals = [timeout, ...(signal === undefined ? [] : [signal]), ...(finishes ? [] : [parts.closing])]
    try {
      const response = await fetch(parts.base + request.path, initOf(request, parts, AbortSignal.any(signals)))
      return response.ok ? await read(response) : await refuse(response, parts.base)
    } catch (cause) {
      if (isVarveError(cause)) throw cause
      for (const given of signals.slice(1)) given.throwIfAborted()
      const reason = timeout.aborted ? `no answer within ${parts.timeoutMs} ms` : reasonOf(cause)
      throw new EngineUnavailable('remote', `${parts.base} does not answer (${reason})`, { cause })
    }
  }

  async function timed<Result>(request: ApiRequest, read: (response: Response) => Promise<Result>): Promise<Result> {
    const answered = new AbortController()
    const timeout = new AbortController()
    void parts.clock.sleep(parts.timeoutMs, answered.signal).then(() => {
      if (!answered.signal.aborted) timeout.abort()
    })
    try {
      return await attempt(request, read, timeout.signal)
    } finally {
      answered.abort(over)
    }
  }

  async function patient(request: ApiRequest): Promise<Answer> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await timed(request, (response) => answerFrom(response, parts.base))
      } catch (error) {
        if (attempts === attemptsMax || !isVarveError(error) || !passing.has(error.code)) throw error
      }
      await parts.clock.sleep(retryMinMs * 2 ** attempts, request.signal)
      request.signal?.throwIfAborted()
    }
  }

  return {
    call: async (request) => {
      parts.closing.throwIfAborted()
      request.signal?.throwIfAborted()
      const answer = patient(request)
      if (request.finishes === true) {
        finishing.add(answer)
        void answer.catch(() => undefined).then(() => finishing.delete(answer))
      }
      return answer
    },
    open: (request) => timed(request, async ({ body }) => body ?? new ReadableStream()),
    finished: async () => {
      await Promise.allSettled(finishing)
    },
  }
}

/** What goes away by itself; a conflict is retryable too, but only after a fresh decision. */
const passing: ReadonlySet<string> = new Set(['ENGINE_UNAVAILABLE', 'QUEUE_FULL'])

function initOf({ method, body, accept }: ApiRequest, { headers }: HttpApiParts, signal: AbortSignal): RequestInit {
  return {
    method,
    headers: {
      ...headers,
      accept: accept ?? 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    signal,
    ...(body !== undefined && { body }),
  }
}

async function answerFrom(response: Response, base: string): Promise<Answer> {
  const text = await response.text()
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Answer
  } catch (cause) {
    throw notVarve(base, response.status, { cause })
  }
  throw notVarve(base, response.status)
}

/** A proxy whose server is away says so in its own words; every other refusal is a problem document. */
async function refuse(response: Response, base: string): Promise<never> {
  const { status, headers } = response
  if (headers.get('content-type')?.startsWith('application/problem+json')) {
    throw refusalFrom((await answerFrom(response, base)) as ProblemDocument, status)
  }
  await response.body?.cancel()
  if (status >= 502 && status <= 504) throw new EngineUnavailable('remote', `${base} answers with status ${status}`)
  throw notVarve(base, status)
}

function notVarve(base: string, status: number, options?: ErrorOptions): RemoteFailed {
  const problem = `${base} answered with status ${status} and nothing that Varve's API knows. Is it a Varve server?`
  return new RemoteFailed(problem, status, options)
}

/** What lies beneath: fetch itself says no more than that it failed. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { readonly cause?: Partial<NodeJS.ErrnoException>; readonly message?: unknown }
  return String(cause?.code ?? cause?.message ?? message)
}
