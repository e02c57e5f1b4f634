import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { embedded, setStage } from './stage.ts'

setStage({
  connect: (connectionString) => KurrentDBClient.connectionString`${connectionString}`,
  scheme: 'kurrentdb',
  places: { sqlite: embedded.sqlite },
})
