import { readFileSync } from 'node:fs'
import { isVarveError } from 'varve'
import { connectKurrent, isConnectionString, type Kurrent } from '../kurrent-copy/connect.ts'
import { CliFailure, exitCodes } from './failure.ts'
import { refuseUsage } from './options.ts'

/**
 * Connects to what an option names.
 *
 * @throws CliFailure when it is no connection string; DRIVER_MISSING.
 */
export async function connectTo(option: string, text: string): Promise<Kurrent> {
  const advice = 'Give one as clients of KurrentDB take it, as in kurrentdb://admin:secret@localhost:2113?tls=true.'
  // What was given is not repeated: a password may stand anywhere in it.
  if (!isConnectionString(text)) refuseUsage(`${option} is no connection string. ${advice}`)
  try {
    return await connectKurrent(text)
  } catch (error) {
    if (isVarveError(error)) throw error
    refuseUnreadable(option, text)
    throw new CliFailure(`${option} is not understood by the client of KurrentDB. ${advice}`, exitCodes.usage, {
      cause: error,
    })
  }
}

/** The client does not say that it could not read the file with the certificate of the authority. */
function refuseUnreadable(option: string, text: string): void {
  const [, encoded] = /[?&]tlsCAFile=([^&]*)/i.exec(text) ?? []
  if (encoded === undefined) return
  try {
    readFileSync(decodeURIComponent(encoded))
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (path !== undefined)
      refuseUsage(`${option} names the file ${path} as tlsCAFile, which cannot be read (${code}).`)
  }
}

/** A failure of the other database in the words of the command line. What is not one of its client's passes as it is. */
export function kurrentFailure({ name }: Kurrent, error: unknown): unknown {
  if (error instanceof CliFailure || isVarveError(error) || !(error instanceof Error)) return error
  const kind = `${error.name} ${(error as { readonly type?: unknown }).type}`
  const reason = error.message.replace(/[.\s]+$/, '')
  const isAway = /unavailable|deadline|leader|cancel/i.test(kind)
  const isRefused = /access|denied|unauthenticated/i.test(`${kind} ${reason}`)
  const advice = isRefused
    ? 'Reading all streams is for $admins: put such a user and the password into the connection string'
    : isAway
      ? 'Check the connection string: tls=false where there is no certificate, tlsCAFile where its authority is your own. Then run the same command again'
      : 'Run the same command again: it goes on where it stopped'
  return new CliFailure(
    `${name}: ${said(error, reason)}. ${advice}.`,
    isAway ? exitCodes.unavailable : exitCodes.failed,
    { cause: error },
  )
}

/** The client has no words for some of what happens. */
function said({ name }: Error, reason: string): string {
  if (reason !== '' && reason !== name) return reason
  return name === 'UnavailableError' ? 'it is out of reach' : name
}
