import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { expect } from 'vitest'

/** What is in a stream, with what its links lead to; nothing when it is not there. */
export async function eventsIn(client: KurrentDBClient, stream: string) {
  const found = []
  try {
    for await (const event of client.readStream(stream, { resolveLinkTos: true })) found.push(event)
  } catch (error) {
    if ((error as { type?: string }).type !== 'stream-not-found') throw error
  }
  return found
}

/** The payloads of a stream. */
export async function dataIn(client: KurrentDBClient, stream: string): Promise<unknown[]> {
  return (await eventsIn(client, stream)).map(({ event }) => event?.data)
}

/** Waits until a projection is faulted; gives the reason. */
export async function faultOf(client: KurrentDBClient, name: string): Promise<string> {
  // A thread that stands still is given up after some seconds, and begun anew to save what came before.
  await expect.poll(async () => (await client.getProjectionStatus(name)).status, { timeout: 40_000 }).toBe('Faulted')
  return (await client.getProjectionStatus(name)).stateReason
}
