/** The indices of a target, and the alias that readers see one of them by. */
import { TargetFailed } from '../../../model/target-errors.ts'
import { errorType, unexpected } from './errors.ts'
import type { Link } from './link.ts'
import { generationOf, type Names, writeAlias } from './names.ts'

/** What an index is made with, as the server takes it. */
export interface IndexOptions {
  readonly mappings?: object
  readonly settings?: object
}

/** Makes and removes indices. */
export interface Indices {
  make(index: string): Promise<void>
  remove(index: string): Promise<void>
  /** All that there are of a generation. */
  ofGeneration(generation: number): Promise<readonly string[]>
  /** The index that readers see, undefined for none. */
  shown(): Promise<string | undefined>
  /** Shows an index to readers instead of the one before, at once. */
  show(index: string): Promise<void>
}

/** Over one link. */
export function createIndices(names: Names, { ask, askAgain }: Link, options: IndexOptions): Indices {
  const path = (index: string, rest = ''): string => `/${encodeURIComponent(index)}${rest}`

  async function aliased(): Promise<readonly string[]> {
    const { status, body } = await askAgain({ method: 'GET', path: `/_alias/${encodeURIComponent(names.alias)}` }, 404)
    return status === 404 ? [] : Object.keys(body as object)
  }

  return {
    make: async (index) => {
      const body = { ...options, aliases: { [writeAlias(index)]: {} } }
      const answer = await askAgain({ method: 'PUT', path: path(index), body }, 400)
      // Its name is used once, so one that is there was made by this very request, whose answer was lost.
      if (answer.status === 400 && errorType(answer.body) !== 'resource_already_exists_exception')
        throw unexpected(answer)
    },
    remove: async (index) => {
      await askAgain({ method: 'DELETE', path: path(index) }, 404)
    },
    ofGeneration: async (generation) => {
      const query = { expand_wildcards: 'open,closed,hidden' }
      const { body } = await askAgain({ method: 'GET', path: path(names.indices(generation), '/_alias'), query }, 404)
      return Object.keys(body as object).filter((index) => generationOf(index) === generation)
    },
    shown: async () => (await aliased()).find((index) => generationOf(index) !== undefined),
    show: async (index) => {
      const alias = names.alias
      for (;;) {
        const others = (await aliased()).filter((other) => other !== index)
        const removals = others.map((other) => ({ remove: { index: other, alias } }))
        const body = { actions: [...removals, { add: { index, alias } }] }
        const answer = await ask({ method: 'POST', path: '/_aliases', body }, 400, 404)
        if (answer.status < 300) return
        // Somebody else has shown another one in between.
        if (errorType(answer.body) === 'aliases_not_found_exception') continue
        if (answer.status === 404) throw new TargetFailed('elasticsearch', `index ${index} is not there any more`)
        throw unexpected(answer)
      }
    },
  }
}
