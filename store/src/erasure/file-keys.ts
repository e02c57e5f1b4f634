/**
 * Keys in files: `{directory}/{first two digits}/{subject}/{version}.key`, and `{subject}.forgotten` beside the folder.
 *
 * A key appears whole by a link to a file that is on disk already, and only once. Destroying goes mark > folder renamed >
 * files overwritten and removed, each on disk before the next: from the mark on the subject is forgotten for everybody,
 * and because of the rename nobody can put a key back into a folder that is being emptied. Who adds a key looks for the
 * mark again afterwards, so a key that was added during all this was used by nobody.
 */

import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { systemRandom } from '../engine/system-clock.ts'
import { KeyStoreFailed } from '../model/erasure-errors.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { KeyStore, SubjectKeys } from '../model/key-store.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { checkWhole } from '../model/whole-number.ts'

const optionFields = fieldsOf<FileKeysOptions>({ directory: true, random: true })

/** Options of {@link fileKeys}. */
export interface FileKeysOptions {
  /** Made when it is not there. For keys alone, not beside the store or in its backups; any number of processes may share it. */
  readonly directory: string
  /** Numbers from 0 up to 1, for names of files that are being written. Default: the machine's. */
  readonly random?: (() => number) | undefined
}

/**
 * Keys in files of their own, which only the user who runs the process may read. What is added or destroyed is on disk
 * when the call resolves. Overwritten blocks may survive on flash and in snapshots of a file system: use an encrypted disk,
 * or {@link wrappedKeys} with a key that lies elsewhere.
 *
 * @throws INVALID_ARGUMENT; by its calls KEY_STORE_FAILED
 * @example
 * const keys = fileKeys({ directory: 'keys' })
 */
export function fileKeys(options: FileKeysOptions): KeyStore {
  refuseUnknownOptions(options, optionFields, 'fileKeys')
  const { directory, random = systemRandom } = options
  if (typeof directory !== 'string' || directory === '') throw new InvalidArgument('directory', 'is not a path')
  const root = resolve(directory)
  const placeOf = (subject: string): Place => {
    if (!/^[0-9a-f]{32}$/.test(subject)) throw new InvalidArgument('subject', 'is no reference that subjectRef made')
    const shelf = join(root, subject.slice(0, 2))
    const folder = join(shelf, subject)
    return { root, shelf, folder, dying: `${folder}.dying`, mark: `${folder}.forgotten` }
  }
  const temporary = (folder: string): string => join(folder, `${random().toString(36).slice(2)}.tmp`)
  const close = async (): Promise<void> => undefined
  return {
    load: (subject) => translated(directory, () => load(placeOf(subject))),
    add: (subject, version, key) =>
      translated(directory, () => add(placeOf(subject), checkedVersion(version), key, temporary)),
    replace: (subject, version, key) =>
      translated(directory, () => replace(placeOf(subject), checkedVersion(version), key, temporary)),
    destroy: (subject) => translated(directory, () => destroy(placeOf(subject))),
    subjects: () => subjects(directory),
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Place {
  readonly root: string
  readonly shelf: string
  readonly folder: string
  readonly dying: string
  readonly mark: string
}

type NameTemporary = (folder: string) => string

/** The mark is looked for last: a key that was read just before it came is not given out. */
async function load({ folder, mark }: Place): Promise<SubjectKeys | 'forgotten' | undefined> {
  const keys = new Map<number, Uint8Array>()
  for (const name of await namesIn(folder)) {
    const version = versionOf(name)
    const key = version === undefined ? undefined : await unlessMissing(readFile(join(folder, name)))
    if (version !== undefined && key !== undefined) keys.set(version, key)
  }
  if (await exists(mark)) return 'forgotten'
  return keys.size === 0 ? undefined : keys
}

async function add(
  place: Place,
  version: number,
  key: Uint8Array,
  temporary: NameTemporary,
): Promise<'added' | 'taken' | 'forgotten'> {
  const { root, folder, mark } = place
  if (await exists(mark)) return 'forgotten'
  await makeFolder(folder, root)
  const [target, fresh] = [fileOf(folder, version), temporary(folder)]
  try {
    await writeSynced(fresh, key)
    const added = await linked(fresh, target)
    await unlink(fresh)
    await syncFolder(folder)
    if (!(await exists(mark))) return added ? 'added' : 'taken'
  } catch (error) {
    // The folder may have been taken away by whoever destroys the keys in it.
    if (!isCode(error, 'ENOENT') || !(await exists(mark))) throw error
  }
  await removeKeys(place)
  return 'forgotten'
}

async function replace(
  { folder, mark }: Place,
  version: number,
  key: Uint8Array,
  temporary: NameTemporary,
): Promise<'replaced' | 'absent'> {
  const target = fileOf(folder, version)
  if (!(await exists(target)) || (await exists(mark))) return 'absent'
  const fresh = temporary(folder)
  try {
    await writeSynced(fresh, key)
    await rename(fresh, target)
    await syncFolder(folder)
    return 'replaced'
  } catch (error) {
    if (isCode(error, 'ENOENT')) return 'absent'
    throw error
  }
}

async function destroy(place: Place): Promise<void> {
  const { root, shelf, mark } = place
  await makeFolder(shelf, root)
  await writeSynced(mark, new Uint8Array())
  await syncFolder(shelf)
  await removeKeys(place)
}

/** The name it is renamed to may be taken: by what a crash left, or by others who destroy the same keys. */
async function removeKeys({ shelf, folder, dying }: Place): Promise<void> {
  for (let isThere = true; isThere; ) {
    await wipe(dying)
    isThere = await renamed(folder, dying)
    await syncFolder(shelf)
  }
}

/** False when there is nothing to rename any more. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    if (isCode(error, 'ENOTEMPTY') || isCode(error, 'EEXIST')) return true
    throw error
  }
}

/** Others may be wiping the same folder: what is gone already is fine. */
async function wipe(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    await unlessMissing(overwrite(join(folder, name)))
    await unlessMissing(unlink(join(folder, name)))
  }
  try {
    await rmdir(folder)
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'ENOTEMPTY')) throw error
  }
}

async function overwrite(file: string): Promise<void> {
  await using handle = await open(file, 'r+')
  const { size } = await handle.stat()
  await handle.write(new Uint8Array(size), 0, size, 0)
  await handle.sync()
}

async function* subjects(directory: string): AsyncGenerator<string> {
  for (const shelf of await translated(directory, () => namesIn(directory))) {
    if (!/^[0-9a-f]{2}$/.test(shelf)) continue
    const names = new Set(await translated(directory, () => namesIn(join(directory, shelf))))
    for (const name of names) if (/^[0-9a-f]{32}$/.test(name) && !names.has(`${name}.forgotten`)) yield name
  }
}

/** The link fails if the name is taken, also by another process at the same moment. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

async function writeSynced(file: string, content: Uint8Array): Promise<void> {
  await using handle = await open(file, 'w', 0o600)
  await handle.writeFile(content)
  await handle.sync()
}

/** Folders that others have made a moment ago may not be on disk yet, so those up to the root are synced in any case. */
async function makeFolder(folder: string, root: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  const top = made === undefined || made.length > root.length ? root : dirname(made)
  for (let parent = dirname(folder); parent.length >= top.length; parent = dirname(parent)) {
    await syncFolder(parent)
    if (parent === dirname(parent)) return
  }
}

/** A name is on disk once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle
  try {
    handle = await open(folder, 'r')
  } catch (error) {
    // Windows does not open folders, and needs no such thing.
    if (isCode(error, 'EPERM') || isCode(error, 'EISDIR')) return
    throw error
  }
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function fileOf(folder: string, version: number): string {
  return join(folder, `${version}.key`)
}

function versionOf(name: string): number | undefined {
  const version = /^([1-9][0-9]*)\.key$/.exec(name)?.[1]
  return version === undefined ? undefined : Number(version)
}

function checkedVersion(version: number): number {
  checkWhole('version', version, 1)
  return version
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await unlessMissing(readdir(folder))) ?? []
}

async function exists(file: string): Promise<boolean> {
  return (await unlessMissing(stat(file))) !== undefined
}

async function unlessMissing<Value>(found: Promise<Value>): Promise<Value | undefined> {
  try {
    return await found
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

async function translated<Value>(directory: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause
    throw new KeyStoreFailed(directory, `${cause.message}. Check that this user may read and write there.`, { cause })
  }
}
