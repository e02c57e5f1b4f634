import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from 'varve'
import { authorityCertificate, nodeCertificate, type Particulars } from '../certificates/certificate.ts'
import { CliFailure } from './failure.ts'
import { examples } from './help.ts'
import { duration, gathered } from './options.ts'
import type { Run, Session } from './session.ts'
import { printResult } from './show.ts'

interface AuthorityFlags {
  readonly out: string
  readonly name: string
  readonly valid: number
}

interface NodeFlags {
  readonly out: string
  readonly ca: string
  readonly name?: readonly string[]
  readonly valid: number
}

const dayMs = 86_400_000

/** Clocks of other machines may be behind by this much. */
const slackMs = 3_600_000

/** `varve cert`: an authority of one's own, and certificates for servers. */
export function addCert(program: Command, run: Run): void {
  const cert = program
    .command('cert')
    .summary('make certificates for TLS')
    .description(
      'Makes an authority of your own and certificates that it signs. Keys are written for their owner only, and nothing is overwritten.',
    )
  examples(cert, [
    ['varve cert ca --out ca', 'once: ca/ca.crt goes to every client, ca/ca.key stays where it is safe'],
    ['varve cert node --ca ca --name events.example --name 10.0.0.7 --out node', 'for each server'],
    ['varve serve --cert node/node.crt --key node/node.key --host 0.0.0.0', 'serves TLS'],
  ])
  addAuthority(cert, run)
  addNode(cert, run)
}

function addAuthority(cert: Command, run: Run): void {
  const command = cert
    .command('ca')
    .summary('make an authority')
    .description('Makes an authority: ca.crt and ca.key. In a pipe: both paths, separated by a tab.')
    .option('--out <folder>', 'where to write', 'ca')
    .option('--name <name>', 'what it is called', 'Varve CA')
    .option('--valid <time>', 'for how long, as in 3650d', duration, 3_650 * dayMs)
  command.action(({ out, name, valid }: AuthorityFlags) =>
    run(command, async (session) => {
      const key = freshKey()
      await write(session, join(out, 'ca'), key, () => authorityCertificate(name, key, particulars(valid)))
      return undefined
    }),
  )
}

function addNode(cert: Command, run: Run): void {
  const command = cert
    .command('node')
    .summary('make the certificate of a server')
    .description(
      'Makes the certificate of a server, signed by an authority: node.crt and node.key. In a pipe: both paths, separated by a tab.',
    )
    .option('--ca <folder>', "where 'varve cert ca' has written", 'ca')
    .option('--out <folder>', 'where to write', 'node')
    .option(
      '--name <name>',
      'a name or an address that clients reach it by; repeat for several (default: localhost, 127.0.0.1 and ::1)',
      gathered,
    )
    .option('--valid <time>', 'for how long, as in 365d', duration, 365 * dayMs)
  command.action(({ ca, out, name = ['localhost', '127.0.0.1', '::1'], valid }: NodeFlags) =>
    run(command, async (session) => {
      const certificate = new X509Certificate(readFileSync(join(ca, 'ca.crt')))
      const issuer = { certificate, key: createPrivateKey(readFileSync(join(ca, 'ca.key'))) }
      const key = freshKey()
      await write(session, join(out, 'node'), key, () => nodeCertificate(name, key, particulars(valid), issuer))
      return undefined
    }),
  )
}

function freshKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

function particulars(validMs: number): Particulars {
  const now = systemClock.now()
  return { serial: randomBytes(16), fromMs: now - slackMs, toMs: now + validMs }
}

/** The key comes first: a certificate without its key is of no use. */
async function write(session: Session, path: string, key: KeyObject, certificate: () => string): Promise<void> {
  const pem = certificate()
  mkdirSync(join(path, '..'), { recursive: true })
  writeNew(`${path}.key`, String(key.export({ type: 'pkcs8', format: 'pem' })), 0o600)
  try {
    writeNew(`${path}.crt`, pem, 0o644)
  } catch (error) {
    rmSync(`${path}.key`)
    throw error
  }
  const forPerson = `Wrote ${path}.crt, and ${path}.key for nobody but its owner.`
  await printResult(session, { cert: `${path}.crt`, key: `${path}.key` }, forPerson, [`${path}.crt`, `${path}.key`])
}

function writeNew(path: string, text: string, mode: number): void {
  let file: number
  try {
    file = openSync(path, 'wx', mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new CliFailure(`${path} is there already. Choose another --out, or move it away.`)
  }
  writeSync(file, text)
  closeSync(file)
}
