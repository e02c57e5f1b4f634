import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CliFailure, exitCodes } from './failure.ts'

/**
 * What a module of the user's exports, by name.
 *
 * @throws CliFailure when it cannot be loaded, saying what to do.
 */
export async function exportsOf(modulePath: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(modulePath)
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    // A module may wait for something of its own, for ever.
    return await Promise.race([import(pathToFileURL(path).href), interrupted])
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${path}'`)) {
      throw new CliFailure(`${path} does not exist. Check the path.`, exitCodes.usage)
    }
    throw new CliFailure(
      `${path} cannot be loaded: ${message.replace(/[.?]+$/, '')}${adviceOn(code)}`,
      exitCodes.failed,
      { cause: error },
    )
  }
}

/** What to do about a module that Node itself does not load. */
function adviceOn(code: string | undefined): string {
  const built = 'Or name the JavaScript that it is built to.'
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return `. TypeScript in .ts files is loaded by Node 22.18 or later. ${built}`
  if (code === 'ERR_MODULE_NOT_FOUND') return `. Node wants file names with their extensions in imports. ${built}`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return `. Node strips types and compiles nothing else. ${built}`
  return ''
}
