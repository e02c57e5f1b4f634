import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import type { Snapshot } from '../model/snapshot.ts'
import { fileSnapshots } from './snapshot-files.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const owner = { streamId: `Order-${'/..'.repeat(300)}`, name: '../tally' }

function snapshotOf(version: number): Snapshot {
  return { policyVersion: 1, firstVersion: 1, version, eventId: 'e', state: { n: version } }
}

function files(): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

describe('snapshots in files', () => {
  it('are kept one for each owner, in the directory and for its user alone', async () => {
    const place = fileSnapshots({ directory: join(directory, 'new', 'folder') })
    for (const version of [1, 2]) await place.save(owner, snapshotOf(version))
    await place.save({ ...owner, name: 'other' }, snapshotOf(3))
    deepEqual(await place.load(owner), snapshotOf(2))
    deepEqual(
      files().map((file) => statSync(file).mode & 0o777),
      [0o600, 0o600],
    )
    equal(await place.load({ ...owner, streamId: 'Order-2' }), undefined)
  })

  it('are none when only half of one was written', async () => {
    const place = fileSnapshots({ directory })
    await place.save(owner, snapshotOf(1))
    for (const bytes of [20, 0]) {
      for (const file of files()) truncateSync(file, bytes)
      equal(await place.load(owner), undefined)
    }
    await place.save(owner, snapshotOf(2))
    deepEqual(await place.load(owner), snapshotOf(2))
  })

  it('go away with their stream', async () => {
    const place = fileSnapshots({ directory })
    await place.save(owner, snapshotOf(1))
    await place.save({ ...owner, streamId: 'Order-2' }, snapshotOf(2))
    await place.remove(owner.streamId)
    await place.remove(owner.streamId)
    equal(await place.load(owner), undefined)
    equal(files().length, 1)
  })

  it('say when the directory cannot be used, and leave nothing behind', async () => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    await rejects(fileSnapshots({ directory: file }).save(owner, snapshotOf(1)), { code: 'ENOTDIR' })
    throws(() => fileSnapshots({ directory: '' }), { code: 'INVALID_ARGUMENT', argument: 'directory' })
    deepEqual(files(), [file])
  })
})
