import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authorityCertificate, nodeCertificate, type Particulars } from '../../server/src/certificates/certificate.ts'

/** Files of an authority and of a node that it has signed. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Signs another node with the same files. */
  renew(): void
  remove(): void
}

/** Certificates for this machine, in a folder of their own. */
export function certificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'varve-certificates-'))
  const paths = { ca: join(folder, 'ca.crt'), cert: join(folder, 'node.crt'), key: join(folder, 'node.key') }
  const caKey = freshKey()
  const authority = new X509Certificate(authorityCertificate('Test CA', caKey, particulars()))
  writeFileSync(paths.ca, authority.toString())
  const renew = (): void => {
    const key = freshKey()
    const issuer = { certificate: authority, key: caKey }
    writeFileSync(paths.key, key.export({ type: 'pkcs8', format: 'pem' }))
    writeFileSync(paths.cert, nodeCertificate(['localhost', '127.0.0.1'], key, particulars(), issuer))
  }
  renew()
  return { ...paths, renew, remove: () => rmSync(folder, { recursive: true }) }
}

function freshKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

function particulars(): Particulars {
  const now = Date.now()
  return { serial: randomBytes(16), fromMs: now - 60_000, toMs: now + 86_400_000 }
}
