import { afterAll, beforeAll } from 'vitest'
import { type Certificates, certificates } from '../security/certificates.ts'

/** Certificates for the tests of a file: made before the first of them, and removed after the last. */
export function ownCertificates(): () => Certificates {
  let made: Certificates | undefined
  beforeAll(() => {
    made ??= certificates()
  })
  afterAll(() => {
    made?.remove()
    made = undefined
  })
  return () => made as Certificates
}
