import type { Admin, Consumer, Producer } from '@platformatic/kafka'
import { DriverMissing } from '../../model/errors.ts'

/** The package that speaks Kafka's protocol. */
export type KafkaPackage = typeof import('@platformatic/kafka')

/** @throws DRIVER_MISSING */
export async function importKafka(): Promise<KafkaPackage> {
  try {
    return await import('@platformatic/kafka')
  } catch (cause) {
    const install = 'Install it beside varve: npm install @platformatic/kafka'
    throw new DriverMissing('The @platformatic/kafka package', install, { cause })
  }
}

/** A client of the package. */
type Client = Admin | Producer<Buffer, Buffer, Buffer, Buffer> | Consumer<Buffer, Buffer, Buffer, Buffer>

/** Closes a client; never rejects, for whoever closes has done with it. */
export type Closing = () => Promise<void>

/**
 * How to close a client for good, `close` being its own way. It may lose sight of a connection while it makes another one, and leaves it open then, which
 * would keep the process alive: seen once in some forty ends of a relay. So its connections are remembered here.
 */
export function closingOf(client: Client, close: () => Promise<void>): Closing {
  const sockets = new Set<{ readonly destroyed: boolean; destroy(): unknown }>()
  client.on('client:broker:connect', ({ connection }) => {
    for (const socket of sockets) if (socket.destroyed) sockets.delete(socket)
    if (connection !== undefined) sockets.add(connection.socket)
  })
  return async () => {
    await close().catch(() => undefined)
    for (const socket of sockets) socket.destroy()
  }
}
