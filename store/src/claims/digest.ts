import { isDigest } from '../model/claim.ts'
import { InvalidArgument } from '../model/errors.ts'

/**
 * Refuses what is no digest before it becomes part of a path or a key: claims come from events, which anybody may have written.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkDigest(digest: unknown): asserts digest is string {
  if (!isDigest(digest)) throw new InvalidArgument('digest', 'is not 64 hexadecimal digits in lower case')
}
