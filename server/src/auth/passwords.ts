import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { AccessRefused } from './access.ts'
import { freshSalt } from './secrets.ts'

/** How much work a hash is. */
export interface PasswordCost {
  /** A power of two: the memory it takes is this times 1,024 bytes. */
  readonly cost: number
  /** How often that is gone through. */
  readonly rounds: number
}

/** What OWASP's Password Storage Cheat Sheet asks for at least: 32 MiB, three times. */
export const defaultCost: PasswordCost = { cost: 32_768, rounds: 3 }

/** Hashes passwords, and compares with hashes. */
export interface Passwords {
  /** The text that is kept instead of a password: the algorithm, its parameters, the salt and the hash. */
  hash(password: string): Promise<string>
  /** Whether a password is the one that was hashed. Takes as long when there is no hash to compare with. */
  matches(password: string, hash: string | undefined): Promise<boolean>
}

const blockSize = 8
const hashBytes = 32

/** Hashes at a time: they run on threads that files and names of hosts are looked up by as well, of which there are four. */
const atOnceMax = 2

/** Hashes that may wait: about ten seconds of work. */
const waitingMax = 64

/** Hashes passwords with scrypt (RFC 7914). */
export function scryptPasswords({ cost, rounds }: PasswordCost = defaultCost): Passwords {
  const turns = new Turns()
  const hash = async (password: string): Promise<string> => {
    const salt = freshSalt()
    const key = await turns.run(() => derived(password, salt, { cost, rounds }))
    return `scrypt$${cost}$${rounds}$${salt.toString('base64url')}$${key.toString('base64url')}`
  }
  // What a login that nobody has is compared with, so that the time does not tell that nobody has it.
  let nobody: Promise<string> | undefined
  return {
    hash,
    matches: async (password, given) => {
      if (given === undefined) nobody ??= hash('nobody')
      const [, costText, roundsText, saltText = '', keyText = ''] = (given ?? (await nobody) ?? '').split('$')
      const parameters = { cost: Number(costText), rounds: Number(roundsText) }
      const key = await turns.run(() => derived(password, Buffer.from(saltText, 'base64url'), parameters))
      const expected = Buffer.from(keyText, 'base64url')
      return expected.length === key.length && timingSafeEqual(expected, key) && given !== undefined
    },
  }
}

function derived(password: string, salt: Buffer, { cost, rounds }: PasswordCost): Promise<Buffer> {
  const memory = 128 * cost * blockSize
  const options: ScryptOptions = { cost, blockSize, parallelization: rounds, maxmem: memory * 2 }
  return new Promise((resolve, reject) => {
    // The same letters may be written in several ways, depending on the keyboard.
    scrypt(password.normalize('NFC'), salt, hashBytes, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

/** Lets work go on a few at a time. */
class Turns {
  #running = 0
  readonly #waiting: (() => void)[] = []

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= atOnceMax) await this.#turn()
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= waitingMax) {
      throw new AccessRefused('guesses', 'Too many passwords wait to be checked. Try again in a few seconds.')
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
