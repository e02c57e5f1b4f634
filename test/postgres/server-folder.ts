import { accessSync, chmodSync, chownSync, constants, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Identity } from './unprivileged.ts'

const cache = join(import.meta.dirname, '../../node_modules/.cache')

/** A fresh folder for a server, outside of the temporary one, which may be memory, unless the server could not get there. */
export function serverFolder(name: string, { runAs }: Identity, parentFolder?: string): string {
  const parent = parentFolder ?? (runAs === 'nobody' || !isWritable(cache) ? tmpdir() : cache)
  const folder = mkdtempSync(join(parent, `varve-${name}-`))
  if (runAs === 'nobody') chmodSync(folder, 0o755)
  return folder
}

/** Writes a file that the server may read, and nobody else, because there may be a password in it. */
export function writeSecret(path: string, text: string, identity: Identity): void {
  writeFileSync(path, text, { mode: 0o600 })
  giveTo(identity, path)
}

/** Makes a file or folder the server's own. */
export function giveTo({ user }: Identity, path: string): void {
  if (user.uid !== undefined) chownSync(path, user.uid, user.gid)
}

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
