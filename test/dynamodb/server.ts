// A DynamoDB of its own for a test file: dynoxide from npm, or whatever VARVE_DYNAMODB_ENDPOINT names.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { freePort, hireKeeper, holds } from '../postgres/kept-server.ts'
import { serverFolder } from '../postgres/server-folder.ts'
import { identity } from '../postgres/unprivileged.ts'

/** A running server. */
export interface DynamoDBServer {
  readonly endpoint: string
  /** A client of this server; credentials may be anything, but there have to be some. */
  readonly client: DynamoDBClient
  /** A name that no other table has. */
  freshTable(): string
  stop(): Promise<void>
}

const startMs = 30_000

/** Why there is no server here, undefined when there is one. */
export function whyNoDynamoDB(): string | undefined {
  if (process.env.VARVE_DYNAMODB_ENDPOINT !== undefined || program() !== undefined) return undefined
  return 'there is no @dynoxide package for this platform (VARVE_DYNAMODB_ENDPOINT=http://… names another server)'
}

/** Starts one without tables, in memory: some 20 milliseconds. */
export async function startDynamoDB(): Promise<DynamoDBServer> {
  const named = process.env.VARVE_DYNAMODB_ENDPOINT
  const { endpoint, end } =
    named === undefined ? await startDynoxide() : { endpoint: named, end: async () => undefined }
  const client = clientOf(endpoint)
  let tables = 0
  return {
    endpoint,
    client,
    freshTable: () => `varve-${process.pid}-${Date.now().toString(36)}-${tables++}`,
    stop: async () => {
      client.destroy()
      await end()
    },
  }
}

/** A client of a server on this machine, which repeats nothing by itself. */
export function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'varve', secretAccessKey: 'varve' }
  return new DynamoDBClient({ endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 })
}

async function startDynoxide(): Promise<{ readonly endpoint: string; readonly end: () => Promise<void> }> {
  const runner = identity()
  const keeper = hireKeeper(serverFolder('dynamodb', runner), runner)
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const run = await keeper.start([program() ?? 'dynoxide', 'serve', '--host', '127.0.0.1', '--port', String(port)])
  if (!(await holds(() => answers(endpoint), run, startMs)))
    throw new Error(`dynoxide did not start:\n${keeper.logged()}`)
  return {
    endpoint,
    end: async () => {
      process.kill(run.pid, 'SIGKILL')
      await run.ends(startMs)
      await keeper.dismiss()
    },
  }
}

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint, { signal: AbortSignal.timeout(1_000) }).then(
    () => true,
    () => false,
  )
}

function program(): string | undefined {
  try {
    const found = createRequire(import.meta.url).resolve(`@dynoxide/${process.platform}-${process.arch}/package.json`)
    const binary = join(dirname(found), 'dynoxide')
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}
