/**
 * Events of one correlation id are found by a tag that the store adds to them and takes off again: engines have an index of
 * tags anyway. It is the last tag of its event. An engine may keep it apart, for there may be one for every request.
 */
export const correlationPrefix = '$correlation:'

/** Whether a tag is one that only the store gives. */
export function isCorrelationTag(tag: string): boolean {
  return tag.startsWith(correlationPrefix)
}

/** The tags that the caller gave. */
export function givenTags(tags: readonly string[]): readonly string[] {
  const last = tags[tags.length - 1]
  return last !== undefined && isCorrelationTag(last) ? tags.slice(0, -1) : tags
}
