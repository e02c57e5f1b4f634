import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom } from '../engine/system-clock.ts'
import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { Snapshot, SnapshotOwner, SnapshotPlace } from '../model/snapshot.ts'

const optionFields = fieldsOf<FileSnapshotsOptions>({ directory: true, random: true })

/** Options of {@link fileSnapshots}. */
export interface FileSnapshotsOptions {
  /** Made when it is not there. For snapshots alone; any number of processes may share it. */
  readonly directory: string
  /** Numbers from 0 up to 1, for names of files that are being written. Default: the machine's. */
  readonly random?: (() => number) | undefined
}

/**
 * Snapshots in files, one each, of any size: beside the store, so that they cost it nothing. A file that cannot be read
 * as JSON is no snapshot.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const snapshots = fileSnapshots({ directory: 'snapshots' })
 * await execute(store, { decider: cart, streamId: 'Cart-7', command: { add: 'tea' } }, { snapshots })
 */
export function fileSnapshots(options: FileSnapshotsOptions): SnapshotPlace {
  refuseUnknownOptions(options, optionFields, 'fileSnapshots')
  const { directory, random = systemRandom } = options
  if (typeof directory !== 'string' || directory === '') throw new InvalidArgument('directory', 'is not a path')
  const folderOf = (streamId: string): string => join(directory, digest(streamId))
  const fileOf = ({ streamId, name }: SnapshotOwner): string => join(folderOf(streamId), `${digest(name)}.json`)
  return {
    load: async (owner, options) => {
      try {
        return JSON.parse(await readFile(fileOf(owner), { encoding: 'utf8', ...options })) as Snapshot
      } catch (error) {
        // A process that was killed, or a full disk, may leave half a file: it is as good as none.
        if (isMissing(error) || error instanceof SyntaxError) return undefined
        throw error
      }
    },
    save: async (owner, snapshot, options) => {
      const file = fileOf(owner)
      const temporary = `${file}.${random().toString(36).slice(2)}.tmp`
      await mkdir(folderOf(owner.streamId), { recursive: true })
      try {
        await writeFile(temporary, JSON.stringify(snapshot), { mode: 0o600, ...options })
        await rename(temporary, file)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
    },
    remove: (streamId) => rm(folderOf(streamId), { recursive: true, force: true }),
  }
}

/** Ids have characters that file names cannot have, and are longer than those may be. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
