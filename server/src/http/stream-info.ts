import type { StreamInfo } from 'varve'

/** Where a stream stands, as it is sent. */
export interface WireStreamInfo {
  readonly stream_id: string
  readonly version: number
  readonly truncate_before: number
  readonly tombstoned: boolean
  readonly exists: boolean
}

/** The wire form of a stream's state. */
export function wireInfo({ streamId, version, truncateBefore, tombstoned, exists }: StreamInfo): WireStreamInfo {
  return { stream_id: streamId, version, truncate_before: truncateBefore, tombstoned, exists }
}
