import { bytesTag, MalformedMessage, type ProtoReader } from '../protobuf/proto-reader.ts'
import type { ProtoWriter } from '../protobuf/proto-writer.ts'

/** The field of a StreamIdentifier. */
const nameTag = bytesTag(3)

/**
 * The name in a StreamIdentifier that was entered; empty when there is none.
 *
 * @throws MalformedMessage when its bytes are no UTF-8: two names must not become one.
 */
export function readStreamName(reader: ProtoReader): string {
  let name = ''
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== nameTag) {
      reader.skip(tag)
      continue
    }
    const bytes = reader.view()
    name = bytes.toString('utf8')
    if (name.includes('\ufffd') && !Buffer.from(name).equals(bytes)) {
      throw new MalformedMessage('the name of a stream is no UTF-8')
    }
  }
  return name
}

/** Writes a name into a field. */
export function writeStreamName(writer: ProtoWriter, tag: number, name: string): void {
  const message = writer.open(tag, name.length + 2)
  writer.text(nameTag, name)
  writer.close(message)
}
