// A broker that also listens where one needs TLS and a login.

import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Admin, alterUserScramCredentialsV0 } from '@platformatic/kafka'
import { freePort } from '../postgres/kept-server.ts'
import { certificates } from '../security/certificates.ts'
import { type KafkaBroker, type KafkaListener, startKafka } from './broker.ts'

/** Who may log in, with PLAIN and with SCRAM-SHA-512. */
export const ada = { username: 'ada', password: 'countess, of=Lovelace' } as const

/** A broker, and what it takes to get in. */
export interface SecureKafka {
  readonly broker: KafkaBroker
  /** Of the port that needs TLS and a login. */
  readonly address: string
  /** The file of the authority that signed its certificate. */
  readonly caFile: string
  stop(): Promise<void>
}

/** Starts one, with certificates of its own, and further listeners. */
export async function startSecureKafka(listeners: readonly KafkaListener[] = []): Promise<SecureKafka> {
  const { ca, cert, key, remove } = certificates()
  const keyStore = `${key}.pem`
  writeFileSync(keyStore, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'))
  const port = await freePort()
  const login = `username="${ada.username}" password="${ada.password}" user_${ada.username}="${ada.password}"`
  const modules = 'org.apache.kafka.common.security'
  const broker = await startKafka({
    listeners: [{ name: 'SECURE', port, protocol: 'SASL_SSL' }, ...listeners],
    settings: {
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
      'listener.name.secure.ssl.keystore.type': 'PEM',
      'listener.name.secure.ssl.keystore.location': keyStore,
      'listener.name.secure.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required ${login};`,
      'listener.name.secure.scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    },
  })
  await letIn(broker.address)
  const stop = async (): Promise<void> => {
    await broker.stop()
    remove()
  }
  return { broker, address: `127.0.0.1:${port}`, caFile: ca, stop }
}

/** What the broker keeps of a password (RFC 5802, section 3): PLAIN has it in its settings. */
async function letIn(address: string): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address], retries: 20 })
  try {
    const [connection] = [...(await admin.connectToBrokers()).values()]
    if (connection === undefined) throw new Error('The broker is away.')
    const salt = randomBytes(16)
    const iterations = 4_096
    const saltedPassword = pbkdf2Sync(ada.password, salt, iterations, 64, 'sha512')
    const scramSha512 = { name: ada.username, mechanism: 2, iterations, salt, saltedPassword }
    await alterUserScramCredentialsV0.api.async(connection, [], [scramSha512])
  } finally {
    await admin.close()
  }
}
