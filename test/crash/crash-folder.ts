import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'

/** A fresh folder on the disk of the sources: where the temporary folder is memory, no file would be recovered. */
export function crashFolder(name: string): string {
  const cache = join(import.meta.dirname, '../../node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  return mkdtempSync(join(cache, `varve-${name}-`))
}
