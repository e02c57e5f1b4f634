import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { openBenchStore } from '../engines.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { driveAppenders, type Load, latencies, rates } from '../load/appenders.ts'
import { eventsPerStream, jsonEvent, newEvent, payloadOf, streamName, typeOf } from '../load/events.ts'
import { createDatabase, insertEvent, insertInto } from '../raw/database.ts'
import { openRawLog } from '../raw/log.ts'

/** The load, and the engine where the trial is Varve's. */
export interface AppendSettings extends Load {
  readonly engine: string
}

/** Events in one append of the batch trials. */
export const batchEvents = 100

const rawLogEncoded: Trial<AppendSettings> = async (load, folder) => {
  const log = openRawLog(join(folder, 'raw.log'))
  const records = Array.from({ length: 1_000 }, (_, nth) =>
    Buffer.from(jsonEvent(streamName('a', nth, nth), nth % eventsPerStream, nth)),
  )
  const measured = await driveAppenders((_streamId, _version, nth) => {
    return log.append(records[nth % records.length] as Buffer)
  }, load)
  log.close()
  return measured
}

const rawLogJson: Trial<AppendSettings> = async (load, folder) => {
  const log = openRawLog(join(folder, 'raw.log'))
  const measured = await driveAppenders((streamId, version, nth) => log.append(jsonEvent(streamId, version, nth)), load)
  log.close()
  return measured
}

const varve: Trial<AppendSettings> = async (load, folder) => {
  await using store = openBenchStore(load.engine, folder)
  return await driveAppenders(
    (streamId, version, nth) =>
      store.append(streamId, [newEvent(streamId, version, nth)], { expectedVersion: version }),
    load,
  )
}

/** What a server or a relay does: the payload comes as JSON already, in bytes. */
const varveEncoded: Trial<AppendSettings> = async (load, folder) => {
  await using store = openBenchStore(load.engine, folder)
  const payloads = Array.from({ length: 1_000 }, (_, nth) => Buffer.from(JSON.stringify(payloadOf(nth))))
  return await driveAppenders((streamId, version, nth) => {
    const data = payloads[nth % payloads.length] as Buffer
    const event = { type: typeOf(streamId, version), data, contentType: 'application/json' }
    return store.append(streamId, [event], { expectedVersion: version })
  }, load)
}

const rawSqliteSingles: Trial<AppendSettings> = async (load, folder) => {
  const db = createDatabase(join(folder, 'raw.db'))
  const insert = insertInto(db)
  const measured = await repeat(load, 1, async (nth) => {
    const [stream, version] = [Math.floor(nth / eventsPerStream), nth % eventsPerStream]
    insertEvent(insert, streamName('a', 0, stream), version + 1, nth)
  })
  db.close()
  return measured
}

const rawSqliteBatches: Trial<AppendSettings> = async (load, folder) => {
  const db = createDatabase(join(folder, 'raw.db'))
  const insert = insertInto(db)
  const measured = await repeat(load, batchEvents, async (nth) => {
    const streamId = streamName('a', 0, nth)
    db.exec('begin immediate')
    for (let version = 1; version <= batchEvents; version++) insertEvent(insert, streamId, version, nth + version)
    db.exec('commit')
  })
  db.close()
  return measured
}

const varveBatches: Trial<AppendSettings> = async (load, folder) => {
  await using store = openBenchStore(load.engine, folder)
  return await repeat(load, batchEvents, async (nth) => {
    const streamId = streamName('a', 0, nth)
    const events = Array.from({ length: batchEvents }, (_, version) => newEvent(streamId, version, nth + version))
    await store.append(streamId, events, { expectedVersion: 'no_stream' })
  })
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<AppendSettings>>> = {
  rawLogEncoded,
  rawLogJson,
  varve,
  varveEncoded,
  rawSqliteSingles,
  rawSqliteBatches,
  varveBatches,
}

/** Does the same thing again and again, one after the other, and measures a window of it. */
async function repeat(load: Load, events: number, once: (nth: number) => Promise<void>): Promise<Measured> {
  let nth = 0
  for (const warmUpEnd = performance.now() + load.warmUpMs; performance.now() < warmUpEnd; ) await once(nth++)
  const samplesMs: number[] = []
  const costs = processCosts()
  const startedAt = performance.now()
  let now = startedAt
  while (now - startedAt < load.windowMs) {
    await once(nth++)
    const endedAt = performance.now()
    samplesMs.push(endedAt - now)
    now = endedAt
  }
  return { ...rates(samplesMs.length * events, (now - startedAt) / 1000, costs()), ...latencies(samplesMs) }
}
