import { bytesTag, MalformedMessage, type ProtoReader, varintTag } from './proto-reader.ts'
import type { ProtoWriter } from './proto-writer.ts'

/** How a client wants ids: as two numbers or as text. */
export type UuidForm = 'structured' | 'string'

const structured = bytesTag(1)
const text = bytesTag(2)
const mostSignificant = varintTag(1)
const leastSignificant = varintTag(2)

const octets = Buffer.alloc(16)

/** The id in a UUID message that was entered; empty when there is none. Text comes as it is, whatever it says. */
export function readUuid(reader: ProtoReader): string {
  let id = ''
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === text) id = reader.text()
    else if (tag === structured) id = readStructured(reader)
    else reader.skip(tag)
  }
  return id
}

function readStructured(reader: ProtoReader): string {
  octets.fill(0)
  const outer = reader.enter()
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== mostSignificant && tag !== leastSignificant) {
      reader.skip(tag)
      continue
    }
    const at = tag === mostSignificant ? 0 : 8
    octets.writeUInt32BE(reader.high(), at)
    octets.writeUInt32BE(reader.low, at + 4)
  }
  reader.leave(outer)
  const hex = octets.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Writes an id, which is a UUID in its canonical form, into a field. */
export function writeUuid(writer: ProtoWriter, tag: number, id: string, form: UuidForm): void {
  const message = writer.open(tag)
  if (form === 'string') writer.text(text, id)
  else {
    const inner = writer.open(structured)
    writer.bits(mostSignificant, Number.parseInt(id.slice(0, 8), 16), hexOf(id.slice(9, 13), id.slice(14, 18)))
    writer.bits(leastSignificant, hexOf(id.slice(19, 23), id.slice(24, 28)), Number.parseInt(id.slice(28), 16))
    writer.close(inner)
  }
  writer.close(message)
}

function hexOf(left: string, right: string): number {
  return Number.parseInt(left + right, 16)
}

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const nil = '00000000-0000-0000-0000-000000000000'

/**
 * An id as it is stored.
 *
 * @throws MalformedMessage when it is no UUID, or the empty one.
 */
export function checkedUuid(id: string): string {
  if (!pattern.test(id)) throw new MalformedMessage(`${JSON.stringify(id.slice(0, 80))} is no UUID`)
  if (id === nil) throw new MalformedMessage('an event has the empty UUID for an id')
  return id.toLowerCase()
}
