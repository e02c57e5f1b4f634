import type { Trial, TrialOrder } from './trial.ts'

/** The process that one trial runs in. */
const order = JSON.parse(process.argv[2] ?? '') as TrialOrder
const { trials } = (await import(order.module)) as { readonly trials: Readonly<Record<string, Trial<unknown>>> }
const trial = trials[order.name]
if (trial === undefined) throw new RangeError(`${order.module} has no trial ${order.name}`)
process.send?.(await trial(order.settings, order.folder))
process.disconnect()
