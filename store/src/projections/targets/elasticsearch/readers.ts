import { InvalidArgument } from '../../../model/errors.ts'
import { stored } from './bulk.ts'
import { checkId } from './documents.ts'
import type { Ask } from './link.ts'
import type { ElasticsearchReadModel, SearchAnswer } from './read-model.ts'

/** What readers get, of the index that is to be read at the moment of each call. */
export function readersOf(ask: Ask, indexNow: () => Promise<string | undefined>): ElasticsearchReadModel<object> {
  const refuse = (): never => {
    throw new InvalidArgument('readModel', 'is for readers: only the handlers of a projection change what it shows')
  }
  const nothing: SearchAnswer<object> = { hits: { total: { value: 0, relation: 'eq' }, hits: [] } }
  return {
    get: async (id) => {
      checkId(id)
      const index = await indexNow()
      if (index === undefined) return undefined
      // Not by a path, in which '..' would be another one.
      return (await stored(ask, index, [id])).get(id)?.document
    },
    search: async (body) => {
      if (typeof body !== 'object' || body === null) throw new InvalidArgument('body', 'is not an object')
      const index = await indexNow()
      if (index === undefined) return nothing
      const path = `/${encodeURIComponent(index)}/_search`
      const answer = await ask({ method: 'POST', path, body }, 404)
      return answer.status === 404 ? nothing : (answer.body as SearchAnswer<object>)
    },
    put: refuse,
    update: refuse,
    delete: refuse,
  }
}
