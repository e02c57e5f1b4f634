import { pathToFileURL } from 'node:url'
import { startKafka } from '../test/kafka/broker.ts'
import { kafkaJars } from '../test/kafka/jars.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, type Section, section } from './harness/report.ts'
import { summarise } from './harness/statistics.ts'
import type { KafkaTrialSettings } from './trials/kafka-trials.ts'

const module = new URL('./trials/kafka-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'

/** What a relay is measured beside: the same client, with messages that lie ready, and nothing to remember. */
const pairs = [
  { relay: 'relay, at least once', trial: 'atLeastOnce', raw: 'raw producer', rawTrial: 'rawProducer' },
  { relay: 'relay, exactly once', trial: 'exactlyOnce', raw: 'raw transactions', rawTrial: 'rawTransactions' },
] as const

/** How fast the log is published to Kafka, beside a loop over the same client. */
export async function benchKafka(preset: Preset): Promise<Report> {
  await kafkaJars.fetch()
  const broker = await startKafka({ quickTo: 'run' })
  try {
    const conditions = { ...conditionsNow(preset.name), kafka: '4.3.1, one node on this machine, 3 partitions' }
    const events = preset.name === 'full' ? 200_000 : 50_000
    const sections: Section[] = []
    const bars: Bar[] = []
    for (const engine of preset.engines) {
      const settings: KafkaTrialSettings = { broker: broker.address, engine, events }
      for (const { relay, trial, raw, rawTrial } of pairs) {
        const candidates: readonly Candidate[] = [
          { name: raw, module, trial: rawTrial, settings },
          { name: relay, module, trial, settings },
        ]
        const rounds = await interleave(candidates, preset.rounds)
        sections.push(section(`publishing ${events / 1_000}k events, ${engine}`, rounds, { to: raw, by }))
        const ratios = (rounds.get(relay) ?? []).map((round, index) => {
          return (round[by] ?? Number.NaN) / (rounds.get(raw)?.[index]?.[by] ?? Number.NaN)
        })
        bars.push({
          what: `${relay}, ${engine}, of ${raw}`,
          measured: summarise(ratios),
          bound: 'at least',
          limit: 0.5,
        })
      }
    }
    return { workload: 'kafka', conditions, sections, bars }
  } finally {
    await broker.stop()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchKafka(presetFrom(process.argv.slice(2))))
}
