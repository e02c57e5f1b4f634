import { exactJson, NumberLost } from '../exact-json.ts'
import { CliFailure, exitCodes } from './failure.ts'

/** One line of an NDJSON file. */
export interface Line {
  /** Counted from 1. */
  readonly number: number
  readonly text: string
  /** Bytes of the file up to and with this line. */
  readonly endByte: number
  /** False for a last line without a line feed: it may have been cut off. */
  readonly isWhole: boolean
}

/** Bytes of one line: an event of the largest size, its payload twice (as JSON and in base64), still fits. */
const lineBytes = 16_777_216

const lineFeed = 0x0a

/**
 * The lines of a file that are not blank. Only a line feed ends a line: JSON may hold every other separator, which
 * readers made for text would take for one.
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  let endByte = 0

  function lineFrom(line: Buffer, isWhole: boolean): Line {
    number++
    endByte += line.length + (isWhole ? 1 : 0)
    try {
      return { number, text: decoder.decode(line), endByte, isWhole }
    } catch {
      throw damaged(name, number, notUtf8(line))
    }
  }

  for await (const chunk of bytes) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    let begin = 0
    for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed, begin)) {
      const line = lineFrom(rest.subarray(begin, end), true)
      if (line.text.trim() !== '') yield line
      begin = end + 1
    }
    rest = rest.subarray(begin)
    if (rest.length > lineBytes) throw damaged(name, number + 1, `is longer than ${lineBytes} bytes, which no event is`)
  }
  if (rest.length === 0) return
  const last = lineFrom(rest, false)
  if (last.text.trim() !== '') yield last
}

/** The value of a line. */
export function jsonOf(line: Line, name: string): unknown {
  try {
    return exactJson(line.text)
  } catch (error) {
    if (error instanceof NumberLost) throw damaged(name, line.number, error.message)
    const problem = line.isWhole ? `is not JSON: ${(error as Error).message}` : 'is cut off: the file was truncated'
    throw damaged(name, line.number, problem)
  }
}

/** The refusal of a file, with the place. */
export function damaged(name: string, line: number, problem: string): CliFailure {
  const advice = 'Mend the line, or export the store again.'
  return new CliFailure(`${name}, line ${line} ${problem.replace(/\.$/, '')}. ${advice}`, exitCodes.damaged)
}

function notUtf8(line: Buffer): string {
  const isGzip = line[0] === 0x1f && line[1] === 0x8b
  return isGzip ? "is compressed: unpack it first, as in 'gunzip -c FILE | varve import -'" : 'is not UTF-8 text'
}
