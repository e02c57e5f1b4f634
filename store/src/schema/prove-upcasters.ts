import { isDeepStrictEqual } from 'node:util'
import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { acceptedData, definitionOf, type EventDefinitions } from '../model/event-definition.ts'
import { UpcastFailed } from '../model/event-errors.ts'
import { upToDate } from '../model/upcast.ts'

/** Payloads of the past by event type and schema version: written by hand, or drawn by a property-based test. */
export type UpcastSamples = Readonly<Record<string, Readonly<Record<number, readonly unknown[]>>>>

/**
 * Proves in a test of yours that every payload of the past is read as an event of today: each sample reaches a defined
 * version, fits its schema there, gives the same whenever it is read, and is left as it was.
 *
 * @throws INVALID_ARGUMENT when an old version that has an upcaster, or a retired type, has no sample; UPCAST_FAILED,
 *   EVENT_NOT_DEFINED or PAYLOAD_INVALID at a sample that is not read as it should be.
 * @example
 * const events = defineEvents({
 *   GuestArrived: event<{ name: string }>({ version: 2, upcast: { 1: ({ guest }: { guest: string }) => ({ name: guest }) } }),
 * })
 * await proveUpcasters(events, { GuestArrived: { 1: [{ guest: 'Ann' }, { guest: '' }] } })
 */
export async function proveUpcasters(events: EventDefinitions, samples: UpcastSamples): Promise<void> {
  for (const [type, version] of pastOf(events)) {
    if ((samples[type]?.[version] ?? []).length === 0) {
      throw new InvalidArgument(`samples.${type}[${version}]`, 'is missing: give payloads as they were stored then')
    }
  }
  for (const [type, versions] of Object.entries(samples)) {
    for (const [version, payloads] of Object.entries(versions)) {
      for (const data of payloads) await proveOne(events, sampleEvent(type, Number(version), data))
    }
  }
}

/** What has to be proven: every old version there is a step from, and version 1 of what is retired. */
function pastOf(events: EventDefinitions): readonly (readonly [type: string, version: number])[] {
  return Object.entries(events).flatMap(([type, { upcast, retired }]) => {
    if (retired !== undefined) return [[type, 1] as const]
    return Object.keys(upcast ?? {}).map((version) => [type, Number(version)] as const)
  })
}

async function proveOne(events: EventDefinitions, sample: RecordedEvent): Promise<void> {
  const before = structuredClone(sample.data)
  const once = upToDate(events, sample)
  const again = upToDate(events, sample)
  const read = (list: readonly RecordedEvent[]): unknown => list.map(({ type, data }) => ({ type, data }))
  if (!isDeepStrictEqual(read(once), read(again))) {
    throw new UpcastFailed(sample, sample, 'it is read in another way each time')
  }
  if (!isDeepStrictEqual(sample.data, before)) {
    throw new UpcastFailed(sample, sample, 'its upcaster changes the payload it is given; it must make a new one')
  }
  for (const { type, data } of once as readonly RecordedEvent[]) {
    const verdict = await definitionOf(events, type)?.schema?.['~standard'].validate(data)
    if (verdict !== undefined) {
      acceptedData(
        verdict,
        type,
        `from ${sample.type} in schema version ${sample.schemaVersion}: ${JSON.stringify(before)}`,
      )
    }
  }
}

/** An event that was never stored, to be read by. */
function sampleEvent(type: string, schemaVersion: number, data: unknown): RecordedEvent {
  const rawData = JSON.stringify(data)
  return {
    id: '00000000-0000-0000-0000-000000000000',
    streamId: 'Sample-1',
    type,
    version: 1,
    position: 1,
    schemaVersion,
    contentType: 'application/json',
    tags: [],
    // As it comes back from a store: what JSON does not keep is not there to be upcast.
    data: JSON.parse(rawData),
    metadata: { timestamp: new Date(0).toISOString() },
    rawData,
    rawMetadata: '{}',
    metadataContentType: 'application/json',
    recordedAtMs: 0,
  }
}
