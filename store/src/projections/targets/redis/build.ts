/**
 * One build of a read model: generation 0, which a target without generations writes, or one of the numbered ones.
 *
 *   {prefix}:index        hash: the projection it all belongs to, and the build that readers see, as in 3.1
 *   {prefix}:g3           hash, the record: the life of generation 3, and of each checkpoint its text and who wrote it
 *   {prefix}:g3:1-k3x9q:key   the read model
 *
 * Emptying begins a new life, which is one field of the record, however large the read model is; the keys of the life
 * before are swept away afterwards. No life is called like another one, even where the record was lost and they are counted
 * anew. Everything of a target begins with the same hash tag, so it lies in one slot of a cluster.
 */
import { InvalidArgument, isVarveError } from '../../../model/errors.ts'
import { CheckpointConflict } from '../../../model/shelf-errors.ts'
import { checkpointFrom, checkpointText, type TargetChange, type TargetCheckpoint } from '../../../model/target.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import type { ServerBuild } from '../build-target.ts'
import { argumentsOf, type Changes, createChanges } from './changes.ts'
import type { Link } from './link.ts'
import type { ReadKey, RedisReadModel } from './read-model.ts'
import { textOf, textsOf } from './reads.ts'
import { createRecorder } from './recorder.ts'
import { isYes, readScript, sweepScript, writeScript } from './scripts.ts'

/** What the builds of a target have in common. */
export interface BuildPlace {
  /** What every key begins with, as in `{shop}:`. */
  readonly begin: string
  /** A patient one: all that is done here may be repeated. */
  readonly link: Link
  /** Another text each time, everywhere. */
  readonly newToken: () => string
  /** The life after one. */
  readonly lifeAfter: (life: string) => string
}

/** Keys looked at in one step of a sweep or a listing. */
export const scanKeys = 1_000

/** One build. */
export interface Build extends ServerBuild<RedisReadModel> {
  /** Reads what is there at this moment. */
  readonly read: ReadKey
}

/** The names of what a target keeps in Redis. */
export const indexKey = (begin: string): string => `${begin}index`

/** The record of one generation. */
export const recordKey = (begin: string, generation: number): string => `${begin}g${generation}`

/** One generation; `birth` tells it from another of its number after it was dropped, and is '' for 0, which never is. */
export function createBuild(place: BuildPlace, generation: number, birth: string): Build {
  return new RedisBuild(place, generation, birth)
}

class RedisBuild implements Build {
  readonly #place: BuildPlace
  readonly #birth: string
  readonly #record: string
  /** As it was when it was last looked at. Scripts are told, and say when it is another one. */
  #life = '0'

  constructor(place: BuildPlace, generation: number, birth: string) {
    this.#place = place
    this.#birth = birth
    this.#record = recordKey(place.begin, generation)
  }

  readonly read: ReadKey = async (key, command, args) => (await this.#readIn(key, command, args)).answer

  async checkpoint(name: string): Promise<TargetCheckpoint | undefined> {
    const fields = ['dropped', 'birth', `at:${name}`]
    const found = (await this.#place.link.command('HMGET', this.#record, fields)) as unknown[]
    const [dropped, born, text] = found.map(textOf)
    const isGone = dropped !== undefined || (born ?? '') !== this.#birth
    return isGone || text === undefined ? undefined : checkpointFrom(text)
  }

  async write(projection: string, change: TargetChange<RedisReadModel>): Promise<void> {
    const { projection: name, empty, apply } = change
    const changes = createChanges()
    let readLife: string | undefined
    const readBefore: ReadKey = async (key, command, args) => {
      // Nothing is there in a life that only begins.
      if (empty) return null
      const { answer, in: inLife } = await this.#readIn(key, command, args)
      readLife ??= inLife
      // All that a handler reads is of one life, which is then the one that is written to.
      if (readLife !== inLife) throw new CheckpointConflict(name)
      return answer
    }
    const recorder = createRecorder(changes, readBefore)
    try {
      const applied = apply(recorder.readModel)
      if (applied !== undefined) await applied
    } finally {
      recorder.end()
    }
    const litter = await this.#written(projection, change, changes, readLife)
    if (litter) await sweptNowOrLater(this.#place, this.#record)
  }

  #keyIn(inLife: string, key: string): string {
    return `${this.#record}:${inLife}:${key}`
  }

  async #readIn(
    key: string,
    command: string,
    args: readonly string[],
  ): Promise<{ readonly answer: unknown; readonly in: string }> {
    for (;;) {
      const believed = this.#life
      const fields = ['life', '0', believed, command, ...args]
      const keys = [this.#record, this.#keyIn(believed, key)]
      const [isSo, answer] = (await this.#place.link.run(readScript, keys, fields)) as [unknown, unknown]
      if (isYes(isSo)) return { answer, in: believed }
      this.#life = String(answer)
    }
  }

  /** Carries it out, and tells whether there is litter. Its token tells a repeated one whether it has come through already. */
  async #written(
    projection: string,
    { projection: name, expected, next, empty }: TargetChange<RedisReadModel>,
    { byKey }: Changes,
    readLife: string | undefined,
  ): Promise<boolean> {
    const { begin, link, newToken, lifeAfter } = this.#place
    const mode = expected === undefined ? 'none' : expected === 'any' ? 'any' : 'is'
    const isText = typeof expected === 'object' ? checkpointText(expected) : ''
    const head = [projection, this.#birth, name, mode, isText, checkpointText(next), newToken()]
    const args = [...byKey.values()].flatMap((change) => [...argumentsOf(change)])
    for (;;) {
      const believed = this.#life
      const lives = empty ? lifeAfter(believed) : believed
      const keys = [indexKey(begin), this.#record, ...[...byKey.keys()].map((key) => this.#keyIn(lives, key))]
      const answer = await link.run(writeScript, keys, [...head, believed, empty ? lives : '', ...args])
      const [said = '', about = '', more = ''] = textsOf(answer)
      if (said === 'done') {
        this.#life = lives
        return about !== ''
      }
      if (said !== 'life') throw refusal(said, { name, projection, about, more, keys: [...byKey.keys()] })
      if (readLife !== undefined && readLife !== about) throw new CheckpointConflict(name)
      this.#life = about
    }
  }
}

/** The write is done, whatever becomes of this; the mark is there until somebody comes to the end. */
async function sweptNowOrLater(place: BuildPlace, record: string): Promise<void> {
  try {
    await sweep(place, record)
  } catch (error) {
    if (!isVarveError(error, 'TARGET_UNAVAILABLE')) throw error
  }
}

/** Removes what is left of the lives before, or all of a generation that was dropped. */
export async function sweep({ link }: Pick<BuildPlace, 'link'>, record: string): Promise<void> {
  const life = textOf(await link.command('HGET', record, ['life'])) ?? '0'
  for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
    cursor = String(await link.run(sweepScript, [record], [cursor, String(scanKeys), life]))
  }
}

interface Refused {
  readonly name: string
  readonly projection: string
  readonly about: string
  readonly more: string
  readonly keys: readonly string[]
}

function refusal(said: string, { name, projection, about, more, keys }: Refused): Error {
  const key = JSON.stringify(keys[Number(about)] ?? '')
  switch (said) {
    case 'conflict':
      return new CheckpointConflict(name)
    case 'owner':
      return belongsToAnother(about, projection)
    case 'evicts':
      return new TargetFailed(
        'redis',
        `with maxmemory-policy ${about} it drops keys of the read model. Nothing was written: set it to noeviction, and rebuild what it has dropped.`,
      )
    case 'type':
      return new TargetFailed(
        'redis',
        `key ${key} holds a ${more}, which this command is not for. Nothing was written.`,
      )
    case 'number':
      return new TargetFailed(
        'redis',
        `${more === '' ? '' : `${JSON.stringify(more)} of `}key ${key} holds no whole number of 18 digits at most, so nothing can be added to it. Nothing was written.`,
      )
    case 'infinite':
      return new TargetFailed(
        'redis',
        `${JSON.stringify(more)} of key ${key} would get an infinite score. Nothing was written.`,
      )
    case 'denied':
      return new TargetFailed(
        'redis',
        `the user may not ${more} on key ${key}. Nothing was written: give it the rights that the guide lists.`,
      )
    default:
      return new TargetFailed('redis', `the script answered ${JSON.stringify(said)}`)
  }
}

/** The refusal of a second projection on one target. */
export function belongsToAnother(owner: string, projection: string): InvalidArgument {
  return new InvalidArgument(
    'target',
    `holds the read model of projection ${JSON.stringify(owner)}; give ${JSON.stringify(projection)} a prefix of its own`,
  )
}
