import protobuf from 'protobufjs'
import type { Codec, Decode, Encode } from '../grpc/method.ts'
import { MalformedMessage } from './proto-reader.ts'

/** Messages as a library reads and writes them: for everything that is not on the way of every append and read. */
export interface Messages {
  /**
   * Reads a message into an object with every field, in camel case. Absent messages are null, absent members of a oneof
   * are missing, whole numbers that no double can hold are rounded.
   */
  decoder<Message>(name: string): Decode<Message>
  /** Writes such an object; what is missing has its default. */
  encoder<Message extends object>(name: string): Encode<Message>
  /** How the two messages of a method are read and written. */
  codec<Request, Response extends object>(request: string, response: string): Codec<Request, Response>
}

const asObject: protobuf.IConversionOptions = { longs: Number, defaults: true }

/** The messages that `.proto` texts declare, by their full names. */
export function messagesOf(...protos: readonly string[]): Messages {
  const root = new protobuf.Root()
  const imported = new Set(protos.flatMap((proto) => protobuf.parse(proto, root).imports ?? []))
  for (const path of imported) root.addJSON(protobuf.common.get(path)?.nested ?? {})
  root.resolveAll()

  function decoder<Message>(name: string): Decode<Message> {
    const type = root.lookupType(name)
    return (bytes) => type.toObject(decoded(type, bytes), asObject) as Message
  }

  function encoder<Message extends object>(name: string): Encode<Message> {
    const type = root.lookupType(name)
    return (message) => type.encode(type.fromObject(message)).finish()
  }

  return {
    decoder,
    encoder,
    codec: (request, response) => ({ decode: decoder(request), encode: encoder(response) }),
  }
}

/** Of a field that should be a message and is none, and the like. */
function decoded(type: protobuf.Type, bytes: Buffer): protobuf.Message {
  try {
    return type.decode(bytes)
  } catch (cause) {
    throw new MalformedMessage((cause as Error).message)
  }
}
