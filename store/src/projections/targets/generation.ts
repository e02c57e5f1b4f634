import { InvalidArgument } from '../../model/errors.ts'
import type { Generation } from '../../model/target.ts'

/** A generation that was given, checked: targets are used without a projection too. */
export function checkedGeneration({ projection, generation }: Generation): Generation {
  if (typeof projection !== 'string' || projection === '' || !projection.isWellFormed()) {
    throw new InvalidArgument('projection', 'is not a non-empty string')
  }
  if (!Number.isSafeInteger(generation) || generation < 1) {
    throw new InvalidArgument('generation', 'is not a whole number from 1 on')
  }
  return { projection, generation }
}

/** The refusal to drop what readers see. */
export function isPublished({ projection, generation }: Generation): InvalidArgument {
  const name = `${generation} of projection ${JSON.stringify(projection)}`
  return new InvalidArgument('generation', `${name} is the published one: publish another one before it is dropped`)
}

/** The refusal to publish what is not there. */
export function isMissing({ projection, generation }: Generation): InvalidArgument {
  const name = `${generation} of projection ${JSON.stringify(projection)}`
  return new InvalidArgument('generation', `${name} is not there: open it and build it before it is published`)
}
