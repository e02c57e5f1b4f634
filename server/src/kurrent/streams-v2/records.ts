import { MalformedMessage } from '../protobuf/proto-reader.ts'
import { checkedUuid } from '../protobuf/uuid.ts'
import type { Expectation } from '../streams/expectation.ts'
import type { ProposedEvent } from '../streams/proposed-event.ts'

/** An event as this version of the protocol proposes it. */
export interface AppendRecord {
  readonly recordId?: string
  readonly properties: Readonly<Record<string, ProtoValue>>
  readonly schema: { readonly format: number; readonly name: string; readonly id?: string } | null
  readonly data: Uint8Array
  readonly stream: string
}

/** A google.protobuf.Value: the member that is there says what it is. */
export interface ProtoValue {
  readonly numberValue?: number
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly structValue?: { readonly fields: Readonly<Record<string, ProtoValue>> }
  readonly listValue?: { readonly values: readonly ProtoValue[] }
}

/** The formats by their numbers, in the words that readers of the other version of the protocol see. */
const formats: Readonly<Record<number, string>> = { 1: 'Json', 2: 'Protobuf', 3: 'Avro', 4: 'Bytes' }

/**
 * The same event in the terms of the first version, in which it is read: what is said about it becomes its metadata.
 *
 * @throws MalformedMessage
 */
export function proposedEventOf(
  { recordId, properties, schema, data }: AppendRecord,
  newId: () => string,
): ProposedEvent {
  const format = schema === null ? undefined : formats[schema.format]
  if (schema === null || schema.name === '')
    throw new MalformedMessage('a record has no schema name: the type of its event')
  if (format === undefined) throw new MalformedMessage('a record does not say what format its data have')
  const metadata: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(properties)) metadata[key] = plainValue(value)
  metadata['$schema.name'] = schema.name
  metadata['$schema.format'] = format
  if (schema.id !== undefined && schema.id !== '') metadata['$schema.id'] = schema.id
  return {
    id: recordId === undefined || recordId === '' ? newId() : checkedUuid(recordId),
    type: schema.name,
    isJson: format === 'Json',
    data,
    customMetadata: Buffer.from(JSON.stringify(metadata)),
  }
}

function plainValue(value: ProtoValue): unknown {
  if (value.stringValue !== undefined) return value.stringValue
  if (value.numberValue !== undefined) return value.numberValue
  if (value.boolValue !== undefined) return value.boolValue
  if (value.listValue !== undefined) return value.listValue.values.map(plainValue)
  if (value.structValue === undefined) return null
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, inner] of Object.entries(value.structValue.fields)) object[key] = plainValue(inner)
  return object
}

/** An expectation from its number. */
export function expectationOf(number: number | undefined): Expectation {
  if (number === undefined || number === -2) return 'any'
  if (number === -1) return 'no_stream'
  if (number === -4) return 'stream_exists'
  if (number >= 0) return number
  throw new MalformedMessage(`${number} is no state that can be expected of a stream`)
}
