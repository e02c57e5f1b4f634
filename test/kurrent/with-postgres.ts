import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { postgresPlaces } from './postgres-places.ts'
import { setStage } from './stage.ts'

setStage({
  connect: (connectionString) => KurrentDBClient.connectionString`${connectionString}`,
  scheme: 'kurrentdb',
  places: postgresPlaces,
  // As in production. Both at once: what only one of them broke would still be seen here.
  ways: ['over TLS with a login'],
})
