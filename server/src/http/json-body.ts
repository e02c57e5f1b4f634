import { InvalidArgument } from 'varve'
import { exactJson, NumberLost } from '../exact-json.ts'

/**
 * The value of a JSON body. Unlike a plain JSON.parse it refuses what would silently become something else: bytes that
 * are no UTF-8, and numbers that a double does not hold. An empty body is none.
 *
 * @throws INVALID_ARGUMENT
 */
export function jsonFrom(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) return undefined
  return parsed(textFrom(bytes))
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textFrom(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new InvalidArgument('body', 'is not UTF-8')
  }
}

function parsed(text: string): unknown {
  try {
    return exactJson(text)
  } catch (error) {
    if (error instanceof NumberLost) throw new InvalidArgument('body', error.message)
    // The parser quotes the text around the place, which may be a payload: only the place is told.
    const [place = ''] = /at position \d+( \(line \d+ column \d+\))?/.exec((error as Error).message) ?? []
    throw new InvalidArgument('body', `is not JSON${place === '' ? '' : `: it goes wrong ${place}`}`)
  }
}
