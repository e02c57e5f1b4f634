import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import type { ShelfItem, StoreShelf } from '../model/shelf.ts'
import {
  checkExpected,
  checkKey,
  listItems,
  type ShelfPageQuery,
  shelfText,
  shelfWriteFields,
} from '../shelf/store-shelf.ts'
import type { Answer, HttpApi } from './http-api.ts'

/** The shelf of a store behind a server. */
export function remoteShelf(api: HttpApi): StoreShelf {
  async function get(key: string, options: CallOptions = {}): Promise<ShelfItem | undefined> {
    refuseUnknownOptions(options, callFields, 'get')
    const { signal } = options
    const { value, version } = await api.call({ method: 'GET', path: pathOf(key), signal })
    return version === 0 ? undefined : { key, value, version: Number(version) }
  }

  async function readPage({ prefix, after, limit, signal }: ShelfPageQuery): Promise<readonly ShelfItem[]> {
    const query = new URLSearchParams({ prefix, after, limit: String(limit) })
    const answer = await api.call({ method: 'GET', path: `/shelf?${query}`, signal })
    return (answer.items as readonly Answer[]).map(({ key, value, version }) => ({
      key: String(key),
      value,
      version: Number(version),
    }))
  }

  return {
    get,
    put: async (key, value, options = {}) => {
      refuseUnknownOptions(options, shelfWriteFields, 'put')
      const { expectedVersion, signal } = options
      checkExpected(expectedVersion)
      const text = shelfText(value)
      const expected = expectedVersion === undefined ? '' : `,"expected_version":${expectedVersion}`
      const request = { method: 'PUT', path: pathOf(key), body: `{"value":${text}${expected}}`, signal } as const
      try {
        return Number((await api.call(request)).version)
      } catch (error) {
        if (!isVarveError(error, 'SHELF_CONFLICT') || expectedVersion === undefined) throw error
        // The answer to an earlier attempt may have been lost: then this very value stands there already.
        const stored = await get(key, signal && { signal })
        if (stored?.version !== expectedVersion + 1 || JSON.stringify(stored.value) !== text) throw error
        return stored.version
      }
    },
    delete: async (key, options = {}) => {
      refuseUnknownOptions(options, shelfWriteFields, 'delete')
      const { expectedVersion, signal } = options
      checkExpected(expectedVersion)
      const query = expectedVersion === undefined ? '' : `?expected_version=${expectedVersion}`
      await api.call({ method: 'DELETE', path: pathOf(key) + query, signal })
    },
    list: (options) => listItems(options, readPage),
  }
}

function pathOf(key: string): string {
  checkKey(key)
  // These two are steps in a path, however they are encoded (WHATWG URL, section 4.4).
  if (key === '.' || key === '..') throw new InvalidArgument('key', `cannot be ${key} over HTTP`)
  return `/shelf/${encodeURIComponent(key)}`
}
