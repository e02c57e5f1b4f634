import { readFileSync } from 'node:fs'

/** One row of the file: a flight that took place. */
export interface Flight {
  /** Varve's name for the row, as in `F00001`: the file has no flight numbers, and two rows may agree in all else. */
  readonly flight: string
  /** The file gives local times without a zone; they are taken as UTC. */
  readonly departedAt: string
  /** Negative when early. */
  readonly delayMinutes: number
  readonly distanceMiles: number
  /** IATA code, as in `SFO`. */
  readonly origin: string
  readonly destination: string
}

/** A row as the file has it. */
export interface Row {
  /** As in `2001/01/01 00:47`. */
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

/**
 * The file: 20,000 flights in the United States from January to March 2001, in order of time, as airlines reported them
 * to the Bureau of Transportation Statistics; published in the npm package `vega-datasets`.
 */
export const flightsFile: URL = new URL('../data/flights-20k.json', import.meta.resolve('vega-datasets'))

/** Reads the rows of the file, unchanged. */
export function readRows(file: URL = flightsFile): readonly Row[] {
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Row[]
}

/** The flights of the file, in its order. */
export function readFlights(file: URL = flightsFile): readonly Flight[] {
  return readRows(file).map((row, index) => ({
    flight: `F${String(index + 1).padStart(5, '0')}`,
    departedAt: `${row.date.replaceAll('/', '-').replace(' ', 'T')}:00.000Z`,
    delayMinutes: row.delay,
    distanceMiles: row.distance,
    origin: row.origin,
    destination: row.destination,
  }))
}
