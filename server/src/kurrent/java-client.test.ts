import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { clientJars, whyNoJavaClient } from '../../../test/kurrent/java/jars.ts'
import { ownCertificates } from '../../../test/kurrent/own-certificates.ts'
import { sayWhy } from '../../../test/postgres/on-postgres.ts'
import { quickPasswords } from '../../../test/security/requests.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'

const scenario = join(import.meta.dirname, '..', '..', '..', 'test', 'kurrent', 'java', 'Scenario.java')
const files = ownCertificates()

/** A program that runs for seconds is not worth the better compiler. */
const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m']

// Written by others than the clients in JavaScript, with other implementations of gRPC and of TLS beneath.
it.skipIf(sayWhy(whyNoJavaClient()) !== undefined)(
  'serves the Java client as it serves the others, over TLS with a login',
  async () => {
    const { ca, cert, key } = files()
    const config = serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', cert, key, adminPassword: 'changeit' })
    await using server = await startServer(config, quickPasswords)
    const connectionString = `kurrentdb://admin:changeit@localhost:${new URL(server.url).port}?tls=true&tlsCaFile=${ca}`
    const args = [...quick, '-cp', clientJars.classPath, scenario, connectionString]
    const { stdout } = await promisify(execFile)('java', args, { timeout: 100_000 })
    const order1 = ['Order-1/0 Placed', 'Order-1/1 Paid']
    const everything = [...order1, 'Order-2/0 Placed']
    const steps = stdout.trim().split('\n')
    expect(steps.map((line) => JSON.parse(line))).toEqual([
      {
        ...{ step: 'append', events: order1, again: '1', same: true, bytes: true },
        conflict: 'WrongExpectedVersionException',
      },
      {
        ...{ step: 'read', backwards: ['Order-1/1 Paid'], everything, view: everything },
        missing: 'StreamNotFoundException',
        never: 'WrongExpectedVersionException',
        denied: 'UNAUTHENTICATED',
      },
      { step: 'metadata', same: true, events: ['Order-1/1 Paid'], last: 1 },
      {
        step: 'subscribe',
        heard: [
          ...['Order-2/0 Placed', 'caught up at 0', 'Order-2/1 Paid', 'Order-2/9223372036854775807 $streamDeleted'],
          ...['FAILED_PRECONDITION stream-deleted', 'Order-1/1 Paid', 'Order-2/1 Paid'],
        ],
        dead: 'StreamDeletedException',
      },
      {
        ...{ step: 'several', revisions: ['Cart-1/1', 'Cart-2/1'] },
        conflict: 'WrongExpectedVersionException',
        dead: 'StreamTombstonedException',
      },
      {
        step: 'persistent',
        heard: [
          ...['Cart-1/0 Placed', 'Cart-1/1 Paid', 'Cart-1/0 Placed'],
          'NOT_FOUND persistent-subscription-does-not-exist',
        ],
        again: 'ALREADY_EXISTS persistent-subscription-exists',
        ...{ strategy: 'PinnedByCorrelation', user: 'admin', there: false },
        beyond: 'INTERNAL persistent-subscription-failed',
      },
      { step: 'projections', status: 'Stopped', unknown: 'NOT_FOUND' },
    ])
  },
  120_000,
)
