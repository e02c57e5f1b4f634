import { benchAppend } from './append.ts'
import { benchConsumers } from './consumers.ts'
import { benchDynamoDBShards } from './dynamodb-shards.ts'
import { benchExecute } from './execute.ts'
import { benchGroups } from './groups.ts'
import { benchGrowth } from './growth.ts'
import { presetFrom } from './harness/preset.ts'
import { publish } from './harness/report.ts'
import { benchParts } from './parts.ts'
import { benchPostgres } from './postgres.ts'
import { benchProjections } from './projections.ts'
import { benchRead } from './read.ts'
import { benchReadModels } from './read-models.ts'
import { benchServer } from './server.ts'
import { benchSubscribe } from './subscribe.ts'

/** Every workload, one after the other, never side by side: they would measure each other. */
const preset = presetFrom(process.argv.slice(2))
for (const bench of [
  benchAppend,
  benchRead,
  benchSubscribe,
  benchProjections,
  benchReadModels,
  benchConsumers,
  benchExecute,
  benchGroups,
  benchGrowth,
  benchServer,
  benchDynamoDBShards,
])
  publish(await bench(preset))
for await (const report of benchPostgres(preset)) publish(report)
publish(await benchParts(preset))
