import { EventStoreDBClient } from '@eventstore/db-client'
import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { embedded } from './places.ts'
import { setStage } from './stage.ts'

setStage({
  // The older client has the methods of the newer one; specifications use what is the same.
  connect: (connectionString) => EventStoreDBClient.connectionString`${connectionString}` as unknown as KurrentDBClient,
  scheme: 'esdb',
  // In memory, unless everything is tried: the newer client is tried on SQLite.
  places: { memory: embedded.memory },
})
