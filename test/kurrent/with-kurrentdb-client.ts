import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { embedded, setStage } from './stage.ts'

setStage({
  connect: (connectionString) => KurrentDBClient.connectionString`${connectionString}`,
  scheme: 'kurrentdb',
  // On SQLite alone: there are many of these, and the older client is tried on memory as well.
  places: { sqlite: embedded.sqlite },
})
