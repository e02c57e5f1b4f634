import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { systemClock } from 'varve'
import { accountsOn } from '../auth/accounts.ts'
import { scryptPasswords } from '../auth/passwords.ts'
import { freshSecret } from '../auth/secrets.ts'
import { isServer, openEngine, type Purpose } from '../open-engine.ts'
import { bytesOf } from './input.ts'
import { refuseUsage } from './options.ts'
import { type ManagedAccounts, remoteAccounts } from './remote-accounts.ts'
import { refuseUnfitStore, type Session } from './session.ts'

/** Works with the accounts of a store: those in its file or database, or a server's over HTTP. */
export async function withAccounts<Result>(
  { storeUrl, signal }: Session,
  purpose: Purpose,
  work: (accounts: ManagedAccounts) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  if (isServer(storeUrl)) return work(remoteAccounts(storeUrl, process.env.VARVE_TOKEN, signal))
  refuseUnfitStore(storeUrl, purpose)
  const engine = await openEngine(storeUrl, purpose)
  try {
    return await work(accountsOn({ engine, clock: systemClock, passwords: scryptPasswords() }))
  } finally {
    await engine.close()
  }
}

/** A password, and whether it was made up here: then somebody has to be told. */
export interface ChosenPassword {
  readonly password: string
  readonly isMadeUp: boolean
}

/** The first line of a file, or of standard input for `-`; made up without one. A password on a command line is seen by others. */
export async function chosenPassword(session: Session, path: string | undefined): Promise<ChosenPassword> {
  if (path === undefined) return { password: freshSecret(18), isMadeUp: true }
  const given = path === '-' ? await text(bytesOf('-', session)) : readFileSync(path, 'utf8')
  const [password = ''] = given.split(/\r?\n/)
  if (password === '')
    refuseUsage(`The first line of ${path === '-' ? 'standard input' : path} is empty: there is no password.`)
  return { password, isMadeUp: false }
}
