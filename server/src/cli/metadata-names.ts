import type { NewEventMetadata } from 'varve'

type Wire = Readonly<Record<string, unknown>>

/** The command line speaks the names of the wire; the library has its own for the three it gives meaning to. */
export function namedAsInCode(metadata: object): NewEventMetadata {
  const { correlation_id: correlationId, causation_id: causationId, user_id: userId, ...rest } = metadata as Wire
  return {
    ...rest,
    ...(correlationId !== undefined && { correlationId: correlationId as string }),
    ...(causationId !== undefined && { causationId: causationId as string }),
    ...(userId !== undefined && { userId: userId as string }),
  }
}
