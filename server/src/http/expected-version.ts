import type { IncomingHttpHeaders } from 'node:http'
import { type TSchema, type TUnsafe, Type } from 'typebox'
import { type ExpectedVersion, InvalidArgument } from 'varve'

/** A version, or one of the words for a state of the stream. */
export const expectedVersionSchema: TUnsafe<ExpectedVersion> = Type.Unsafe<ExpectedVersion>(
  Type.Union(
    [Type.Integer({ minimum: 0 }), Type.Literal('any'), Type.Literal('no_stream'), Type.Literal('stream_exists')],
    { description: 'a version from 0 on, "any", "no_stream" or "stream_exists"' },
  ),
)

const repeating = {
  'idempotency-key': Type.Optional(Type.String({ description: 'Repeats with the same key are one append' })),
}

const precondition = {
  'if-match': Type.Optional(Type.String({ description: 'A version in quotes, as in "7", or * for any event' })),
  'if-none-match': Type.Optional(Type.String({ description: '*: the stream shows no event' })),
}

/** The precondition headers, for routes that honour them. */
export const expectedHeaders: TSchema = Type.Object(precondition)

/** The headers of an append to one stream. */
export const appendHeaders: TSchema = Type.Object({ ...precondition, ...repeating })

/** The headers of an append to several streams. */
export const appendAllHeaders: TSchema = Type.Object(repeating)

/**
 * The expectation in a request's precondition headers (RFC 9110 sections 13.1.1 and 13.1.2), or undefined without any.
 * `If-Match: "7"` is a version, `If-Match: *` any visible event, `If-None-Match: *` none.
 *
 * @throws INVALID_ARGUMENT
 */
export function expectedFrom(headers: IncomingHttpHeaders): ExpectedVersion | undefined {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  if (match !== undefined && noneMatch !== undefined) {
    throw new InvalidArgument('If-None-Match', 'does not go with If-Match')
  }
  if (noneMatch !== undefined) {
    if (noneMatch !== '*') throw new InvalidArgument('If-None-Match', 'takes only *, for a stream without events')
    return 'no_stream'
  }
  if (match === undefined) return undefined
  if (match === '*') return 'stream_exists'
  const [, version] = /^"(\d{1,16})"$/.exec(match) ?? []
  if (version === undefined) throw new InvalidArgument('If-Match', 'is neither * nor one version in quotes, as in "7"')
  return Number(version)
}

/**
 * The expectation from a body or from headers, in whichever it was.
 *
 * @throws INVALID_ARGUMENT when both say something.
 */
export function expectedIn(
  inBody: ExpectedVersion | undefined,
  headers: IncomingHttpHeaders,
): { readonly expectedVersion?: ExpectedVersion } {
  const inHeaders = expectedFrom(headers)
  if (inBody !== undefined && inHeaders !== undefined) {
    throw new InvalidArgument('expected_version', 'does not go with If-Match or If-None-Match: say it once')
  }
  const expectedVersion = inBody ?? inHeaders
  return expectedVersion === undefined ? {} : { expectedVersion }
}

/**
 * Refuses precondition headers where none can be honoured: a guard that is overlooked is worse than none.
 *
 * @throws INVALID_ARGUMENT
 */
export function refuseExpected(headers: IncomingHttpHeaders, advice: string): void {
  for (const name of ['If-Match', 'If-None-Match']) {
    if (headers[name.toLowerCase()] !== undefined) throw new InvalidArgument(name, `does not apply here: ${advice}`)
  }
}
