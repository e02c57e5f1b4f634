/** Whether a value can be a position or a version: a safe integer from 0 on. */
export function isPosition(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** The last position there can ever be; a backward read from here starts at the head. */
export const lastPosition: number = Number.MAX_SAFE_INTEGER
