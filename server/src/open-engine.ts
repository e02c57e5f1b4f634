import { type Engine, type EventStore, InvalidArgument, memory, openStore } from 'varve'
import { connect } from 'varve/remote'
import { sqlite } from 'varve/sqlite'

const known = 'sqlite:shop.db (a file), memory: (gone on exit), http://host:2113 or https://host (a Varve server)'

/**
 * Opens the engine that a store URL names: `sqlite:shop.db`, `sqlite:/var/lib/shop.db`, `memory:`.
 *
 * @throws INVALID_ARGUMENT for a URL that names no engine, and what the engine says about its storage.
 */
export async function openEngine(url: string): Promise<Engine> {
  const { scheme, rest } = partsOf(url)
  switch (scheme) {
    case 'memory':
      if (rest !== '') throw new InvalidArgument('store', `is ${quoted(url)}: memory: takes nothing after the colon`)
      return memory()
    case 'sqlite':
      return sqlite({ path: pathFrom(url, rest) })
    case 'http':
    case 'https':
      throw new InvalidArgument('store', `is ${quoted(url)}, a server; a server needs storage of its own: ${known}`)
    default:
      throw unknownStore(url)
  }
}

/**
 * Opens the event store that a store URL names: embedded over an engine, or a Varve server's over HTTP.
 *
 * @throws INVALID_ARGUMENT for a URL that names no store, and what the engine says about its storage.
 */
export async function openStoreAt(url: string): Promise<EventStore> {
  const { scheme } = partsOf(url)
  if (scheme === 'http' || scheme === 'https') return connect({ url })
  return openStore({ engine: await openEngine(url) })
}

function partsOf(url: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? []
  if (scheme === undefined || rest === undefined) throw unknownStore(url)
  return { scheme: scheme.toLowerCase(), rest }
}

function pathFrom(url: string, rest: string): string {
  if (rest === '') throw new InvalidArgument('store', `is ${quoted(url)}, without a file: write sqlite:shop.db`)
  // As a URL this would name a host, as a path a file in the root folder; neither is meant.
  if (/^\/\/[^/]/.test(rest)) {
    const path = rest.slice(2)
    throw new InvalidArgument('store', `is ${quoted(url)}: write sqlite:${path} for a file here, or sqlite:/${path}`)
  }
  return rest
}

function unknownStore(url: string): InvalidArgument {
  return new InvalidArgument('store', `is ${quoted(url)}, which names no store; known are ${known}`)
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 199)}…` : text)
}
