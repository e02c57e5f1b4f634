import { createHash } from 'node:crypto'
import { correlationPrefix } from '../model/correlation.ts'
import { limits } from '../model/limits.ts'

/** The tag of a correlation id; undefined for what is no id. One too long for a tag is known by its digest. */
export function correlationTag(correlationId: unknown): string | undefined {
  if (typeof correlationId !== 'string' || correlationId === '' || !correlationId.isWellFormed()) return undefined
  const tag = correlationPrefix + correlationId
  if (tag.length <= limits.tagChars) return tag
  return `${correlationPrefix}sha256=${createHash('sha256').update(correlationId).digest('hex')}`
}
