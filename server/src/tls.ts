import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { InvalidArgument } from 'varve'

/** The files of a server's certificate and its key, both PEM. */
export interface CertificateFiles {
  /** The certificate, and those of the authorities between it and the root behind it. */
  readonly cert: string
  readonly key: string
}

/**
 * Reads a certificate and its key, of which both are checked.
 *
 * @throws INVALID_ARGUMENT naming the file that cannot be read, or saying that the two do not belong together.
 */
export function readCertificate({ cert, key }: CertificateFiles): SecureContextOptions {
  const options = { cert: read('--cert', cert), key: read('--key', key), minVersion: 'TLSv1.2' } as const
  try {
    createSecureContext(options)
  } catch (error) {
    throw new InvalidArgument('--cert', `and --key cannot be used: ${(error as Error).message}`)
  }
  return options
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new InvalidArgument(flag, `is ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
