import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { limits } from '../model/limits.ts'

/** Bytes to check in: whole, or in chunks as a file's `createReadStream()`, a request and `Blob.stream()` give them. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>

/** Bytes given whole go on in pieces of this size, so that a copy of all of them is never made. */
const pieceBytes = 65_536

/**
 * Content as a blob store gets it: chunks that are bytes, that nobody else changes, and that end before the limit.
 *
 * @throws INVALID_ARGUMENT at once; INVALID_ARGUMENT, LIMIT_EXCEEDED, the error of the source and the signal's reason from
 *   the iteration.
 */
export function checkedContent(content: Content, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  if (content instanceof Uint8Array) {
    refuseLength(content.byteLength)
    return pieces(content, signal)
  }
  if (typeof content !== 'object' || content === null || !(Symbol.asyncIterator in content)) {
    throw new InvalidArgument('content', 'is neither a Uint8Array nor an async iterable of them')
  }
  return counted(untilAborted(content, signal))
}

async function* pieces(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  // Copied, because the caller may reuse its buffer: a piece must not change between being hashed and being written.
  for (let from = 0; from < bytes.byteLength; from += pieceBytes) {
    signal?.throwIfAborted()
    yield new Uint8Array(bytes.subarray(from, from + pieceBytes))
  }
}

async function* counted(chunks: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new InvalidArgument(
        'content',
        `has a chunk that is ${typeof chunk}, not a Uint8Array: set no encoding on it`,
      )
    }
    bytes += chunk.byteLength
    refuseLength(bytes)
    yield chunk
  }
}

function refuseLength(bytes: number): void {
  if (bytes > limits.blobBytes) throw new LimitExceeded('blobBytes', bytes, 'Check it in as several blobs.')
}

/** A source that hangs must not hold up whoever gave up waiting, so nothing of it is awaited after the abort. */
async function* untilAborted(source: AsyncIterable<unknown>, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
  if (signal === undefined) return yield* source
  signal.throwIfAborted()
  const iterator = source[Symbol.asyncIterator]()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  aborted.catch(() => undefined)
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  let isOver = false
  try {
    for (;;) {
      const step = await Promise.race([iterator.next(), aborted])
      isOver = step.done === true
      if (isOver) return
      yield step.value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    if (!isOver) void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}
