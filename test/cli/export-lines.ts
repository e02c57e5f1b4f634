/** An envelope as a line of an export has it, with whatever is to be wrong about it. */
export function exportLine(position: number, other: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    event_id: `01990000-0000-7000-8000-${String(position).padStart(12, '0')}`,
    stream_id: 'Parcel-1',
    event_type: 'ParcelScanned',
    version: position,
    schema_version: 1,
    data: { at: position },
    metadata: { timestamp: '2026-01-15T10:30:00.000Z' },
    tags: [],
    global_position: position,
    ...other,
  })
}

/** Lines as a file. */
export function exportFile(...lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
