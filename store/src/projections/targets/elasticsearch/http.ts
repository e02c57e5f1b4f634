import type { Clock } from '../../../engine/clock.ts'
import { InvalidArgument } from '../../../model/errors.ts'
import type { Exchange, Request } from './client.ts'

/** What is needed of `fetch`. */
export type FetchLike = (
  url: string,
  options: {
    readonly method: string
    readonly headers: Record<string, string>
    readonly body?: string
    readonly signal: AbortSignal
  },
) => Promise<{ readonly status: number; text(): Promise<string> }>

/** Where requests go without a client. */
export interface HttpPlace {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: FetchLike
  readonly requestMs: number
  readonly clock: Clock
}

/**
 * Plain HTTP to one address. A name and a password in the URL become a header.
 *
 * @throws INVALID_ARGUMENT
 */
export function throughHttp({ url, headers, fetch, requestMs, clock }: HttpPlace): Exchange {
  const { base, authorization } = addressOf(url)
  return async (request) => {
    const given = new AbortController()
    const over = new AbortController()
    const late = clock.sleep(requestMs, over.signal).then(() => {
      if (!over.signal.aborted) given.abort(new Error(`no answer within ${requestMs} ms`))
    })
    try {
      const all = { ...authorization, ...headers, 'content-type': contentTypeOf(request) }
      const { method, body } = request
      const text = typeof body === 'object' ? JSON.stringify(body) : body
      const options = { method, headers: all, ...(text !== undefined && { body: text }), signal: given.signal }
      const answer = await fetch(`${base}${request.path}${queryOf(request)}`, options)
      return { status: answer.status, body: parsed(await answer.text()) }
    } catch (error) {
      throw given.signal.aborted ? given.signal.reason : error
    } finally {
      over.abort()
      await late
    }
  }
}

function addressOf(url: string): { readonly base: string; readonly authorization: Record<string, string> } {
  const parsedUrl = URL.parse(url)
  if (parsedUrl === null || !/^https?:$/.test(parsedUrl.protocol)) {
    throw new InvalidArgument('url', 'is no address that begins with http:// or https://')
  }
  const { username, password } = parsedUrl
  parsedUrl.username = ''
  parsedUrl.password = ''
  const base = parsedUrl.href.replace(/\/+$/, '')
  if (username === '') return { base, authorization: {} }
  const secret = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
  return { base, authorization: { authorization: `Basic ${secret}` } }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidArgument('url', 'has a % in its name or password that begins no code: write it as %25')
  }
}

function contentTypeOf({ body }: Request): string {
  return typeof body === 'string' ? 'application/x-ndjson' : 'application/json'
}

function queryOf({ query = {} }: Request): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}

/** A proxy in between may answer in words. */
function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}
