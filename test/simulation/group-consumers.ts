/** The programs of a world and their consumers, which acknowledge, refuse, stall, leave and come again. */
import type { EventStore } from '../../store/src/event-store.ts'
import { type ConsumeOptions, consume } from '../../store/src/groups/consume.ts'
import type { Delivery } from '../../store/src/groups/delivery.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { farStore } from './far-store.ts'
import { group, type Scenario } from './group-world.ts'
import type { Program } from './programs.ts'

/** Starts a program with its consumers. */
export function startProgram(scenario: Scenario): Program {
  const { world, store, weather, programs, random, size } = scenario
  const program = world.start(`p${++scenario.started}`)
  programs.add(program)
  const far = farStore(world, program, store, weather)
  const consumers = 1 + random.below(size.consumersMax)
  for (let index = 0; index < consumers; index++) void consumeForEver(scenario, program, far, index)
  return program
}

async function consumeForEver(scenario: Scenario, program: Program, store: EventStore, index: number): Promise<void> {
  let ids = 0
  const options: ConsumeOptions = {
    name: `c${index}`,
    clock: program.clock,
    newId: () => `${program.name}/${index}.${++ids}`,
    random: () => program.random.below(1_000) / 1_000,
    ...(program.random.oneIn(3) && { bufferEvents: 1 + program.random.below(4) }),
  }
  for (;;) {
    try {
      await consumeUntilLeft(scenario, program, consume(store, group, options))
    } catch (error) {
      const isExpected = isVarveError(error, 'GROUP_STOPPED') || isVarveError(error, 'ENGINE_UNAVAILABLE')
      if (!isExpected) scenario.witness.breach ??= error as Error
      if (scenario.witness.breach !== undefined) return
    }
    await program.clock.sleep(20 + program.random.below(scenario.size.restMs / 2))
  }
}

/** Handles deliveries in all the ways there are, one after the other; returns when it has had enough. */
async function consumeUntilLeft(
  scenario: Scenario,
  program: Program,
  deliveries: AsyncIterable<Delivery>,
): Promise<void> {
  const { witness, settings } = scenario
  const { random, clock } = program
  const unsaid: Delivery[] = []
  for await (const delivery of deliveries) {
    witness.delivered(program, delivery)
    if (random.oneIn(2)) await clock.sleep(random.below(60))
    const mood = scenario.isGood ? 0 : scenario.isGloomy && !random.oneIn(4) ? 11 : random.below(16)
    if (mood < 4) await ack(scenario, delivery)
    else if (mood < 7) await ack(scenario, delivery, 'saved')
    else if (mood < 9) void ack(scenario, delivery, random.oneIn(2) ? 'saved' : 'noted')
    else if (mood < 11) await nack(scenario, delivery, 'retry', random.oneIn(2) ? { delayMs: random.below(100) } : {})
    else if (mood === 11) await nack(scenario, delivery, 'park')
    else if (mood === 12) {
      witness.said(delivery.position)
      await nack(scenario, delivery, 'skip')
    } else if (mood === 13) {
      await clock.sleep(settings.messageTimeoutMs * 1.2)
      await ack(scenario, delivery)
    } else if (mood === 14) unsaid.push(delivery)
    else if (random.oneIn(3)) return
    for (const late of unsaid.splice(0, random.below(2) + (unsaid.length > 3 ? 2 : 0))) await ack(scenario, late)
  }
}

async function ack({ witness }: Scenario, delivery: Delivery, until: 'noted' | 'saved' = 'noted'): Promise<void> {
  witness.said(delivery.position)
  await allowingLoss(witness, delivery.ack({ until })).then((isKnown) => {
    if (isKnown && until === 'saved') witness.answered(delivery.position)
  })
}

async function nack({ witness }: Scenario, delivery: Delivery, ...how: Parameters<Delivery['nack']>): Promise<void> {
  if (how[0] === 'retry') witness.wantsAgain(delivery.position)
  await allowingLoss(witness, delivery.nack(...how))
}

/** Whether what was said is known; that it came too late, or not there, is nothing unusual. */
async function allowingLoss(witness: Scenario['witness'], saying: Promise<void>): Promise<boolean> {
  try {
    await saying
    return true
  } catch (error) {
    if (!isVarveError(error, 'DELIVERY_LOST') && !isVarveError(error, 'ENGINE_UNAVAILABLE')) throw error
    witness.refused()
    return false
  }
}
