import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { authorityCertificate, nodeCertificate } from './certificate.ts'

const fromMs = Date.UTC(2026, 0, 1)

describe('the certificate of an authority', () => {
  it('says that it may sign, and is signed by itself', () => {
    const { certificate } = authority()
    expect(certificate.ca).toBe(true)
    expect(certificate.subject).toBe('CN=Varve CA')
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.checkIssued(certificate)).toBe(true)
  })

  it.each([
    [Date.UTC(2026, 11, 31, 23, 59, 59), 'Dec 31 23:59:59 2026 GMT'],
    // The year in which the form of times changes.
    [Date.UTC(2049, 11, 31, 23, 59, 59), 'Dec 31 23:59:59 2049 GMT'],
    [Date.UTC(2050, 0, 1), 'Jan  1 00:00:00 2050 GMT'],
  ])('is valid until %i', (toMs, validTo) => {
    expect(authority(toMs).certificate).toMatchObject({ validFrom: 'Jan  1 00:00:00 2026 GMT', validTo })
  })

  it.each(['', 'a=b', 'a, b', 'Ä', 'x'.repeat(65), ' a', 'a/b'])('refuses the name %j', (name) => {
    const { privateKey } = keys()
    expect(() => authorityCertificate(name, privateKey, particulars())).toThrow(/^--name/)
  })
})

describe('the certificate of a node', () => {
  it('is signed by the authority, and may not sign', () => {
    const { certificate, key } = authority()
    const node = nodeOf(['events.example'], { certificate, key })
    expect(node.checkIssued(certificate)).toBe(true)
    expect(node.verify(certificate.publicKey)).toBe(true)
    expect(node).toMatchObject({ ca: false, subject: 'CN=events.example', issuer: 'CN=Varve CA' })
    expect(node.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  })

  it('is for every name and address it was made for, and for no other', () => {
    const node = nodeOf(['localhost', '*.shop.example', '10.1.2.3', '::1', 'fe80::1:0:2', '::ffff:1.2.3.4'])
    expect(['localhost', 'a.shop.example'].map((name) => node.checkHost(name) !== undefined)).toEqual([true, true])
    expect(['shop.example', 'b.a.shop.example', 'other'].map((name) => node.checkHost(name))).toEqual(
      Array(3).fill(undefined),
    )
    const addresses = ['10.1.2.3', '::1', 'fe80::1:0:2', '::ffff:1.2.3.4']
    expect(addresses.map((address) => node.checkIP(address) !== undefined)).toEqual(Array(4).fill(true))
    expect(node.checkIP('10.1.2.4')).toBeUndefined()
  })

  it('has a serial number above 0, whatever chance gives', () => {
    for (const serial of [Buffer.alloc(16), Buffer.alloc(16, 0xff)]) {
      const { privateKey } = keys()
      const pem = authorityCertificate('Varve CA', privateKey, { ...particulars(), serial })
      expect(new X509Certificate(pem).serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/)
    }
  })

  it.each(['a b', 'a..b', '-a', 'exa_mple', '1.2.3.4:80', 'ä.example', 'a'.repeat(300), '*'])(
    'refuses the name %j',
    (name) => {
      expect(() => nodeOf([name])).toThrow(/^--name is/)
    },
  )

  it('is not signed by what is no authority, or by the key of another one', () => {
    const { certificate, key } = authority()
    const leaf = nodeOf(['localhost'], { certificate, key })
    expect(() => nodeOf(['localhost'], { certificate: leaf, key })).toThrow(/^--ca/)
    expect(() => nodeOf(['localhost'], { certificate, key: keys().privateKey })).toThrow(/^--ca/)
  })
})

function keys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function particulars(toMs = Date.UTC(2027, 0, 1)) {
  return { serial: randomBytes(16), fromMs, toMs }
}

function authority(toMs?: number) {
  const { privateKey: key } = keys()
  return { certificate: new X509Certificate(authorityCertificate('Varve CA', key, particulars(toMs))), key }
}

function nodeOf(names: readonly string[], issuer = authority()): X509Certificate {
  return new X509Certificate(nodeCertificate(names, keys().privateKey, particulars(), issuer))
}
