import { type Context, createContext, Script } from 'node:vm'
import { CallFailed } from '../grpc/status.ts'
import { MalformedMessage } from '../protobuf/proto-reader.ts'

/** A regular expression of a client, which may have been written to never end. */
export interface Pattern {
  /**
   * Whether it matches somewhere in a text.
   *
   * @throws CallFailed when it cannot tell in reasonable time.
   */
  matches(text: string): boolean
}

/** Characters of a pattern. */
const patternCharsMax = 4_096

/** How long a pattern may look at one text, in milliseconds: it ends its call, so nobody can do this twice with one. */
const matchMs = 250

/** Answers that a pattern remembers: types and streams repeat. */
const answersMax = 10_000

/**
 * The pattern in a text, as .NET writes it. Nearly every pattern runs on as it is. One that may take exponential time runs
 * where it can be stopped, since it would otherwise stop the server.
 *
 * @throws MalformedMessage when it is no regular expression, or has what JavaScript does not know.
 */
export function patternOf(regex: string): Pattern {
  if (regex.length > patternCharsMax) throw new MalformedMessage(`a regex has more than ${patternCharsMax} characters`)
  const { source, flags } = translated(regex)
  const expression = expressionOf(source, flags)
  const test = isQuick(source) ? (text: string) => expression.test(text) : stoppable(expression)
  const answers = new Map<string, boolean>()
  return {
    matches: (text) => {
      const known = answers.get(text)
      if (known !== undefined) return known
      const answer = test(text)
      if (answers.size >= answersMax) answers.clear()
      answers.set(text, answer)
      return answer
    },
  }
}

/** What .NET writes in another way: anchors, and options in front. */
function translated(regex: string): { readonly source: string; readonly flags: string } {
  const [, options = ''] = /^\(\?([ims]+)\)/.exec(regex) ?? []
  const rest = options === '' ? regex : regex.slice(options.length + 3)
  const source = rest.replaceAll(/\\([\s\S])/g, (escaped, letter: string, at: number) => {
    if (letter === 'A') return '(?<![\\s\\S])'
    if (letter === 'z') return '(?![\\s\\S])'
    if (letter === 'Z') return '(?=\\n?(?![\\s\\S]))'
    if (!isKnown(letter, rest[at + 2])) throw unknown(escaped)
    return escaped
  })
  // Classes as in \p{L} are known with this flag only.
  return { source, flags: [...new Set(options)].join('') + (/\\p\{/i.test(source) ? 'u' : '') }
}

/**
 * Without a flag, JavaScript takes a letter that means nothing behind a backslash for the letter. .NET refuses it, and a
 * pattern in the words of another language, as `\Q` of Java's, would match something else or nothing for ever.
 */
function isKnown(letter: string, next: string | undefined): boolean {
  if (letter === 'p' || letter === 'P') return next === '{'
  if (letter === 'k') return next === '<'
  return /[^\p{L}_]|[BDSWbcdfnrstuvwx]/u.test(letter)
}

function expressionOf(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (cause) {
    throw new MalformedMessage(`a regex is none: ${(cause as Error).message}`)
  }
}

function unknown(escaped: string): MalformedMessage {
  return new MalformedMessage(`a regex has ${escaped}, which this server does not know`)
}

/**
 * With one repetition at the most, of a single character, a match takes time by the square of the text at the worst; a
 * text is a thousand characters long at the most.
 */
function isQuick(source: string): boolean {
  const plain = source.replaceAll(/\\[\s\S]/g, 'x').replaceAll(/\[[^\]]*\]/g, 'x')
  const repetitions = plain.match(/[*+{]/g) ?? []
  return repetitions.length <= 1 && !/\)[*+{?]/.test(plain) && !/\\[1-9k]/.test(source)
}

/** One place for all: making it takes a millisecond and as many bytes. Nothing a client sends runs in it as code. */
let stage: Context | undefined
const trial = new Script('expression.test(text)')

function stoppable(expression: RegExp): (text: string) => boolean {
  return (text) => {
    stage ??= createContext({ expression, text })
    stage.expression = expression
    stage.text = text
    try {
      return trial.runInContext(stage, { timeout: matchMs }) as boolean
    } catch {
      const problem = `The filter's regex takes more than ${matchMs} ms for one text. Write it without nested repetitions.`
      throw new CallFailed('invalidArgument', problem)
    }
  }
}
