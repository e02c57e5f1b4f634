import { createHash } from 'node:crypto'
import { InvalidArgument } from '../../../model/errors.ts'

/** Names of one target on the server. Whatever it owns beside the alias has a dot in it, which no prefix has. */
export interface Names {
  /** What readers see: points at the index of the published generation. */
  readonly alias: string
  /** The index of the checkpoints. */
  readonly checkpoints: string
  /** All indices of a generation. */
  indices(generation: number): string
  /** An index of a generation. */
  index(generation: number, token: string): string
}

/** Bytes of a prefix: the server takes 255 for the name of an index. */
const prefixBytes = 180

/** @throws INVALID_ARGUMENT for a prefix that the server does not take. */
export function namesOf(prefix: string): Names {
  if (typeof prefix !== 'string' || !/^[a-z0-9][a-z0-9_-]*$/.test(prefix) || prefix.length > prefixBytes) {
    throw new InvalidArgument('indexPrefix', `is not of a-z, 0-9, - and _, from one to ${prefixBytes} of them`)
  }
  return {
    alias: prefix,
    checkpoints: `${prefix}.checkpoints`,
    indices: (generation) => `${prefix}.g${generation}.*`,
    index: (generation, token) => `${prefix}.g${generation}.${token}`,
  }
}

/** Through this name an index is written to: it goes with the index, so that a late write makes none anew. */
export const writeAlias = (index: string): string => `${index}.write`

/** The generation that an index belongs to. */
export function generationOf(index: string): number | undefined {
  const [, generation] = /\.g(\d+)\./.exec(index) ?? []
  return generation === undefined ? undefined : Number(generation)
}

/** The document that says which projection a target belongs to. */
export const ownerId = 'owner'

/** The document of a generation. */
export const recordId = (generation: number): string => `g${generation}`

/** The document of a checkpoint. Its name is hashed, since the server takes 512 bytes for an id. */
export function checkpointId(generation: number, name: string): string {
  return `g${generation}.${createHash('sha256').update(name).digest('hex')}`
}
