/**
 * What is needed of an official client, by structure: one of `@elastic/elasticsearch` (8 or later) or of
 * `@opensearch-project/opensearch` (2 or later).
 */
export interface ElasticsearchClientLike {
  readonly transport: {
    request(
      params: {
        method: string
        path: string
        querystring?: Record<string, string>
        body?: object
        bulkBody?: string
      },
      options: { meta: true; ignore: number[] },
    ): PromiseLike<unknown>
  }
}

/** One request, and the answer to it whatever its status. */
export interface Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD'
  /** As in `/orders/_doc/7`, encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** JSON, or lines of it where it is a text already. */
  readonly body?: object | string
}

/** What came back. */
export interface Answer {
  readonly status: number
  /** Parsed JSON. */
  readonly body: unknown
}

/** Sends one request. Rejects only when no answer came. */
export type Exchange = (request: Request) => Promise<Answer>

/** Whatever the server says is an answer: what it means is for whoever asked. */
const answers = Array.from({ length: 200 }, (_, index) => 400 + index)

/** Through an official client, with its nodes, credentials and retries. */
export function throughClient({ transport }: ElasticsearchClientLike): Exchange {
  return async ({ method, path, query, body }) => {
    const params = {
      method,
      path,
      ...(query && { querystring: { ...query } }),
      ...(typeof body === 'string' && { bulkBody: body }),
      ...(typeof body === 'object' && { body }),
    }
    const answer = await transport.request(params, { meta: true, ignore: answers })
    const { statusCode, body: found } = answer as { readonly statusCode?: number; readonly body?: unknown }
    return { status: statusCode ?? 0, body: found }
  }
}
