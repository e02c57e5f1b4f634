import { InvalidArgument } from '../../model/errors.ts'
import type { StandardSchema } from '../../model/standard-schema.ts'
import type { JsonSchema } from './json-schema.ts'
import { vendorOptions } from './vendor-options.ts'

/**
 * The JSON Schema that a validator itself gives of what is stored (Standard JSON Schema): of what it makes of a payload, with
 * dates as the text that they are in JSON.
 *
 * @throws INVALID_ARGUMENT when it gives none, or none that says all: a transform, a bigint.
 */
export function standardJsonSchema(schema: StandardSchema): JsonSchema {
  const { vendor, jsonSchema } = schema['~standard'] as StandardSchema['~standard'] & StandardJsonSchema
  if (typeof jsonSchema?.output !== 'function') {
    const advice = vendor === 'valibot' ? ': wrap it in toStandardJsonSchema of @valibot/to-json-schema' : ''
    throw new InvalidArgument('schema', `of ${vendor} gives no JSON Schema of itself${advice}`)
  }
  const libraryOptions = vendorOptions.get(vendor)
  return jsonSchema.output({ target: 'draft-2020-12', ...(libraryOptions && { libraryOptions }) })
}

/** The part of https://standardschema.dev/json-schema that is used. */
interface StandardJsonSchema {
  readonly jsonSchema?: {
    readonly output?: (options: { readonly target: string; readonly libraryOptions?: object }) => JsonSchema
  }
}
