import type { Target } from '../model/target.ts'
import type {
  CountingReadModel,
  OpenedTarget,
  TargetCase,
  TargetNeed,
  TargetSubject,
  TargetTraits,
} from './targets/target-case.ts'

/** How long a case waits for what must come, when nobody says otherwise. */
const patienceMs = 20_000

/** Runs one case on a fresh target and leaves nothing open. Gives the reason when the case does not apply. */
export async function runTargetCase<ReadModel>(
  one: TargetCase,
  open: () => OpenedTarget<ReadModel> | Promise<OpenedTarget<ReadModel>>,
  options: { readonly patienceMs?: number } = {},
): Promise<string | undefined> {
  const opened = await open()
  const targets: Target<unknown>[] = [opened.target as Target<unknown>]

  async function another(how: OpenedTarget<ReadModel>['reopen']): Promise<Target<unknown>> {
    if (how === undefined) throw new TypeError('The case needs something that open() did not give.')
    const target = (await how()) as Target<unknown>
    targets.push(target)
    return target
  }

  const subject: TargetSubject = {
    target: opened.target as Target<unknown>,
    counting: opened.counting as CountingReadModel<unknown>,
    reopen: async () => {
      for (const target of targets.splice(0)) await target.close()
      return another(opened.reopen)
    },
    openBeside: () => another(opened.openBeside),
    afterCrash: () => another(opened.afterCrash),
    patienceMs: options.patienceMs ?? patienceMs,
  }
  try {
    const lacking = one.needs?.find((need) => !has(opened, need))
    if (lacking !== undefined) return `the target has no ${lacking}`
    await one.run(subject)
    return undefined
  } finally {
    for (const target of targets) await target.close()
    await opened.cleanUp?.()
  }
}

function has<ReadModel>(opened: OpenedTarget<ReadModel>, need: TargetNeed): boolean {
  if (need === 'generations') return opened.target.generations !== undefined
  if (need === 'reopen' || need === 'openBeside' || need === 'afterCrash') return opened[need] !== undefined
  return traitsOf(opened.traits)[need]
}

function traitsOf(given: TargetTraits = {}): Required<TargetTraits> {
  const { transactional = true, isolated = transactional, concurrent = false, severalProjections = true } = given
  return { transactional, isolated, concurrent, severalProjections }
}
