import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { sayWhy } from '../../../test/postgres/on-postgres.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const python = join(root, 'node_modules', '.cache', 'kurrentdb-python', 'bin', 'python')
const whyNot = existsSync(python) ? undefined : "KurrentDB's Python client is not installed; .ci/run does it"

// Written by others than the clients in JavaScript, with another implementation of gRPC beneath.
it.skipIf(sayWhy(whyNot) !== undefined)(
  'serves the Python client as it serves the others',
  async () => {
    await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
    const scenario = join(root, 'test', 'kurrent', 'python', 'scenario.py')
    const connectionString = `kurrentdb://${new URL(server.url).host}?Tls=false`
    const { stdout } = await promisify(execFile)(python, [scenario, connectionString], { timeout: 100_000 })
    const order1 = ['Order-1/0 Placed', 'Order-1/1 Paid']
    const steps = stdout.trim().split('\n')
    expect(steps.map((line) => JSON.parse(line))).toEqual([
      { step: 'append', events: order1, conflict: 'WrongCurrentVersionError', same: true, bytes: true },
      {
        step: 'read',
        backwards: ['Order-1/1 Paid'],
        everything: [...order1, 'Order-2/0 Placed'],
        view: [...order1, 'Order-2/0 Placed'],
        missing: 'NotFoundError',
      },
      { step: 'subscribe', events: ['Order-1/1 Paid'] },
      { step: 'park', events: order1, again: 'AlreadyExistsError', full: 'MaximumSubscriptionsReachedError' },
      { step: 'replay', events: order1 },
      {
        step: 'all',
        events: ['Order-1/0 Placed', 'Order-2/0 Placed'],
        source: '$all',
        listed: ['$all::all', 'Order-1::group'],
      },
      {
        step: 'refuse',
        late: 'WrongCurrentVersionError',
        never: 'NotFoundError',
        untracked: 'ExceptionThrownByHandlerError',
      },
      { step: 'delete', subscription: 'NotFoundError', stream: 'StreamIsDeletedError' },
    ])
  },
  120_000,
)
