import { createHash, createPublicKey, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { InvalidArgument } from 'varve'
import { bits, implicit, integer, objectId, octets, sequence, setOf, tagged, time, truth, utf8 } from './der.ts'

/**
 * X.509 certificates (RFC 5280) of two kinds: of an authority, which signs others, and of a node, which it signs. Node signs and
 * verifies, but cannot write them; what there is to write is fixed but for names, times and keys. Keys are on the curve P-256.
 */

/** What makes one certificate another than all others. */
export interface Particulars {
  /** Sixteen bytes of chance: nobody may guess the serial number (CA/Browser Forum, Baseline Requirements, section 7.1). */
  readonly serial: Uint8Array
  /** From when until when it is valid, in milliseconds since 1970. */
  readonly fromMs: number
  readonly toMs: number
}

/** Who signs: the authority's certificate and its key. */
export interface Issuer {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

const oid = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

/**
 * A certificate that signs itself, for an authority that signs nodes and no other authorities. PEM.
 *
 * @throws INVALID_ARGUMENT for a name that would be written in another way than it is read.
 */
export function authorityCertificate(name: string, key: KeyObject, particulars: Particulars): string {
  if (!plainName.test(name)) {
    throw new InvalidArgument(
      '--name',
      `is ${JSON.stringify(name)}: an authority is named with 1 to 64 letters, digits, spaces, dots and hyphens`,
    )
  }
  const publicKey = publicKeyOf(key)
  const extensions = [
    critical(oid.basicConstraints, sequence(truth(), integer(0))),
    critical(oid.keyUsage, bits(Buffer.from([0b0000_0110]), 1)),
    extension(oid.subjectKeyId, octets(keyIdOf(publicKey))),
  ]
  const subject = nameOf(name)
  return signed({ subject, issuer: subject, publicKey, particulars, extensions }, key)
}

/**
 * The certificate of a server that is reached by these names and addresses. PEM.
 *
 * @throws INVALID_ARGUMENT for a name that is none, and when the certificate of the authority is not one or is somebody else's.
 */
export function nodeCertificate(
  names: readonly string[],
  key: KeyObject,
  particulars: Particulars,
  issuer: Issuer,
): string {
  const { certificate } = issuer
  if (!certificate.ca || !certificate.checkPrivateKey(issuer.key)) {
    throw new InvalidArgument('--ca', 'is no certificate of an authority, or the key beside it is that of another one')
  }
  const publicKey = publicKeyOf(key)
  const authorityKey = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const extensions = [
    critical(oid.basicConstraints, sequence()),
    critical(oid.keyUsage, bits(Buffer.from([0b1000_0000]), 7)),
    extension(oid.extendedKeyUsage, sequence(objectId(oid.serverAuth))),
    extension(oid.subjectKeyId, octets(keyIdOf(publicKey))),
    extension(oid.authorityKeyId, sequence(implicit(0, keyIdOf(authorityKey)))),
    extension(oid.alternativeNames, sequence(...names.map(alternativeName))),
  ]
  // What a certificate is for is its alternative names; the name of its subject is for people, and has at most 64 characters.
  const subject = nameOf((names[0] ?? '').slice(0, 64))
  const pem = signed(
    { subject, issuer: nameOf(commonNameOf(certificate)), publicKey, particulars, extensions },
    issuer.key,
  )
  const made = new X509Certificate(pem)
  if (!made.checkIssued(certificate) || !made.verify(certificate.publicKey))
    throw new InvalidArgument('--ca', foreignAuthority)
  return pem
}

const plainName = /^[A-Za-z0-9](?:[A-Za-z0-9 .-]{0,62}[A-Za-z0-9])?$/

const foreignAuthority = "was not made by 'varve cert ca': let whatever made it sign the node as well"

interface Unsigned {
  readonly subject: Buffer
  readonly issuer: Buffer
  readonly publicKey: Buffer
  readonly particulars: Particulars
  readonly extensions: readonly Buffer[]
}

function signed({ subject, issuer, publicKey, particulars, extensions }: Unsigned, key: KeyObject): string {
  const { serial, fromMs, toMs } = particulars
  const algorithm = sequence(objectId(oid.ecdsaWithSha256))
  const toBeSigned = sequence(
    tagged(0, integer(2)),
    integer(positive(serial)),
    algorithm,
    issuer,
    sequence(time(fromMs), time(toMs)),
    subject,
    publicKey,
    tagged(3, sequence(...extensions)),
  )
  const der = sequence(toBeSigned, algorithm, bits(sign('sha256', toBeSigned, key)))
  return new X509Certificate(der).toString()
}

/** Serial numbers are above 0 and take at most 20 octets. */
function positive(serial: Uint8Array): Buffer {
  return Buffer.from([((serial[0] ?? 0) & 0x7f) | 0x40, ...serial.subarray(1, 20)])
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** The digest of the bits of the public key, without what says how to read them (RFC 5280, section 4.2.1.2). */
function keyIdOf(publicKey: Buffer): Buffer {
  // Of a key on P-256 those are the last 65 octets.
  return createHash('sha1').update(publicKey.subarray(-65)).digest()
}

function nameOf(commonName: string): Buffer {
  return sequence(setOf(sequence(objectId(oid.commonName), utf8(commonName))))
}

function commonNameOf({ subject }: X509Certificate): string {
  const name = /^CN=(.*)$/.exec(subject)?.[1]
  if (name === undefined || !plainName.test(name)) throw new InvalidArgument('--ca', foreignAuthority)
  return name
}

function alternativeName(name: string): Buffer {
  const version = isIP(name)
  if (version !== 0) return implicit(7, version === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6(name))
  if (
    !/^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i.test(name) ||
    name.length > 253
  ) {
    throw new InvalidArgument('--name', `is ${JSON.stringify(name)}, which is neither a name of a host nor an address`)
  }
  return implicit(2, Buffer.from(name))
}

function ipv6(address: string): Buffer {
  // A URL writes an address without words of IPv4 in it.
  const plain = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const [before, after] = [head, tail ?? ''].map((half) => half.split(':').filter((group) => group !== ''))
  const groups = [
    ...(before ?? []),
    ...Array(8 - (before?.length ?? 0) - (after?.length ?? 0)).fill('0'),
    ...(after ?? []),
  ]
  return Buffer.from(groups.map((group) => String(group).padStart(4, '0')).join(''), 'hex')
}

function extension(id: string, value: Uint8Array): Buffer {
  return sequence(objectId(id), octets(value))
}

function critical(id: string, value: Uint8Array): Buffer {
  return sequence(objectId(id), truth(), octets(value))
}
