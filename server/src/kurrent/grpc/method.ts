import type { Call, Handler } from './call.ts'
import { framed } from './frames.ts'
import { CallFailed } from './status.ts'

/** The methods a server has, by path, as in `/event_store.client.streams.Streams/Read`. */
export type Methods = Readonly<Record<string, Handler>>

/** Reads a request. Throws CallFailed when it is none. */
export type Decode<Request> = (message: Buffer) => Request

/** Writes a response. */
export type Encode<Response> = (response: Response) => Uint8Array

/** How the messages of a method are read and written. */
export interface Codec<Request, Response> {
  readonly decode: Decode<Request>
  readonly encode: Encode<Response>
}

/** A method with one request and one response. */
export function unary<Request, Response>(
  { decode, encode }: Codec<Request, Response>,
  answer: (request: Request, call: Call) => Promise<Response> | Response,
): Handler {
  return async (call) => {
    const response = await answer(decode(await soleMessage(call)), call)
    await call.send(framed(encode(response)))
  }
}

/**
 * A method with one request and any number of responses, which it sends itself. The headers of a call are acknowledged at
 * once. Measured with the official Node client: 1.5 ms for a short read instead of 45.
 */
export function serverStream<Request>(
  decode: Decode<Request>,
  answer: (request: Request, call: Call) => Promise<void>,
): Handler {
  return async (call) => {
    call.acknowledge()
    return answer(decode(await soleMessage(call)), call)
  }
}

async function soleMessage(call: Call): Promise<Buffer> {
  let sole: Buffer | undefined
  for await (const batch of call.batches()) {
    for (const message of batch) {
      if (sole !== undefined) throw new CallFailed('invalidArgument', 'This method takes one message; there are more.')
      sole = message
    }
  }
  if (sole === undefined) throw new CallFailed('invalidArgument', 'This method takes one message; there is none.')
  return sole
}
