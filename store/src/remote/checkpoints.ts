import type { Checkpoint, Checkpoints } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import type { LogPositions } from '../model/log-shard.ts'
import { checkExpected } from '../shelf/store-shelf.ts'
import { checkPlace, normalCheckpoint, saveFields } from '../subscriptions/checkpoint.ts'
import type { HttpApi } from './http-api.ts'

/** Checkpoints kept by a server. */
export function remoteCheckpoints(api: HttpApi): Checkpoints {
  async function load(name: string, options: CallOptions = {}): Promise<Checkpoint | undefined> {
    refuseUnknownOptions(options, callFields, 'load')
    const answer = await api.call({ method: 'GET', path: pathOf(name), signal: options.signal })
    const [position, version] = [Number(answer.position), Number(answer.version)]
    const { positions } = answer as { readonly positions?: LogPositions }
    return version === 0 ? undefined : { position, ...(positions && { positions }), version }
  }

  return {
    load,
    save: async (name, place, options = {}) => {
      refuseUnknownOptions(options, saveFields, 'save')
      const { expectedVersion, signal } = options
      const path = pathOf(name)
      checkPlace(place)
      checkExpected(expectedVersion)
      const saving = typeof place === 'number' ? { position: place } : { positions: place }
      const body = JSON.stringify({ ...saving, expected_version: expectedVersion })
      try {
        return Number((await api.call({ method: 'PUT', path, body, signal })).version)
      } catch (error) {
        if (!isVarveError(error, 'CHECKPOINT_CONFLICT') || expectedVersion === undefined) throw error
        // The answer to an earlier attempt may have been lost: then this very save stands there already.
        const saved = await load(name, { ...(signal !== undefined && { signal }) })
        if (saved?.version !== expectedVersion + 1 || `${saved.positions ?? saved.position}` !== `${place}`) throw error
        return saved.version
      }
    },
  }
}

function pathOf(checkpoint: string): string {
  const { name } = normalCheckpoint(checkpoint)
  // These two are steps in a path, however they are encoded (WHATWG URL, section 4.4).
  if (name === '.' || name === '..') throw new InvalidArgument('checkpoint', `cannot be ${name} over HTTP`)
  return `/checkpoints/${encodeURIComponent(name)}`
}
