/**
 * What a value is after it was stored as JSON and read again: a `Date` is its ISO string, methods are gone.
 * Types that are JSON already stay as they are written, so that editors show the names people gave them.
 */
export type JsonForm<Value> = unknown extends Value
  ? Value
  : Value extends JsonValue | undefined
    ? Value
    : Value extends { toJSON(...given: never): infer Written }
      ? JsonForm<Written>
      : Value extends bigint | symbol | ((...given: never) => unknown)
        ? never
        : Value extends readonly unknown[]
          ? { [Index in keyof Value]: JsonForm<Value[Index]> }
          : Value extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
            ? Readonly<Record<string, never>>
            : Value extends object
              ? { [Key in keyof Value as IsWritten<Key, Value[Key]>]: JsonForm<Value[Key]> }
              : Value

/** What a payload is when it is read: bytes are kept exactly, everything else goes through JSON. */
export type StoredForm<Value> = Value extends Uint8Array ? Uint8Array : JsonForm<Value>

type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }

type IsWritten<Key, Value> = Key extends symbol ? never : Value extends (...given: never) => unknown ? never : Key
