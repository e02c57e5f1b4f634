/** What one check of `varve doctor` found. */
export interface Finding {
  /** What was looked at, in one or two words. */
  readonly check: string
  readonly state: 'ok' | 'warning' | 'damaged'
  /** What is so. */
  readonly says: string
  /** What to do; present unless all is well. */
  readonly advice?: string
}

/** Damage is examined on a copy, because every tool that opens a database may write to it. */
const damageAdvice =
  'Stop writing and keep the store as it is. Work on a copy: export what can be read, import it into a new store, and compare with a backup.'

/** A check that found nothing. */
export function ok(check: string, says: string): Finding {
  return { check, state: 'ok', says }
}

/** A check that found something that is no damage. */
export function warning(check: string, says: string, advice: string): Finding {
  return { check, state: 'warning', says, advice }
}

/** A check that found a contradiction in the store. */
export function damage(check: string, says: string): Finding {
  return { check, state: 'damaged', says, advice: damageAdvice }
}

/** One finding for many problems of a kind: how many there are, and the first of them. */
export function verdict(check: string, fine: string, problems: Problems): Finding {
  if (problems.count === 0) return ok(check, fine)
  const more = problems.count === 1 ? '' : ` (and ${problems.count - 1} more like it)`
  return damage(check, `${problems.first}${more}`)
}

/** Problems of one kind, counted; only the first is kept. */
export class Problems {
  #count = 0
  #first = ''

  get count(): number {
    return this.#count
  }

  get first(): string {
    return this.#first
  }

  add(problem: string): void {
    if (this.#count++ === 0) this.#first = problem
  }
}
