import { BlobsFailed, BlobsUnavailable } from '../model/blob-errors.ts'

const problems: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Free some space; nothing was stored',
  EDQUOT: 'the quota of the disk is used up. Free some space; nothing was stored',
  EACCES: 'this process may not read or write there. Give it the right to',
  EPERM: 'this process may not read or write there. Give it the right to',
  EROFS: 'the file system is read-only. Name another directory, or mount it for writing',
  ENOTDIR: 'a part of the path is a file. Name another directory',
  EIO: 'the disk could not read or write. Look at the log of the system',
}

/** The process or the machine has too much open, which passes. */
const passing: readonly string[] = ['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'ETIMEDOUT', 'ESTALE']

/** An error of the file system as one of ours; any other as it is. */
export function translated(error: unknown, name: string): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  const { message } = error as Error
  if (passing.includes(code)) return new BlobsUnavailable(name, message, { cause: error })
  return new BlobsFailed(name, `${problems[code] ?? message}.`, { cause: error })
}

/** Whether a file or folder is not there. */
export function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  return code
}
