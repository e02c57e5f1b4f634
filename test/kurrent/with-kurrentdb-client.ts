import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { embedded } from './places.ts'
import { setStage } from './stage.ts'

setStage({
  connect: (connectionString) => KurrentDBClient.connectionString`${connectionString}`,
  scheme: 'kurrentdb',
  // On SQLite alone, unless everything is tried: there are many of these, and the older client is tried in memory.
  places: { sqlite: embedded.sqlite },
})
