// A real Elasticsearch or OpenSearch of its own for a test: the server's libraries as Maven Central has them, started by a few
// lines of Java that the JDK compiles on the way.

import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, hireKeeper } from '../postgres/kept-server.ts'
import { startKillable } from '../postgres/killable.ts'
import { giveTo, serverFolder } from '../postgres/server-folder.ts'
import { identity } from '../postgres/unprivileged.ts'
import { type Jars, type SearchProduct, transportModule } from './jars.ts'

/** A running server with nothing in it. */
export interface SearchServer {
  readonly url: string
  /** Kills it as a power cut would, and starts it again on what lies on its disk. */
  crash(): Promise<void>
  /** The indices whose names a pattern means. */
  indices(pattern: string): Promise<readonly string[]>
  /** Removes all indices: each slows down whatever comes after, and a restart most. */
  clear(): Promise<void>
  /** Stopping twice is fine. */
  stop(): Promise<void>
}

/** Making an index costs these servers many syncs of small files; what is not synced outlives a killed process all the same. */
const inMemory = '/dev/shm'
const startMs = 120_000

/** Starts one with an empty folder: some 6 to 10 seconds. */
export async function startSearch(product: SearchProduct, jars: Jars): Promise<SearchServer> {
  const runner = identity()
  const folder = serverFolder(product, runner, existsSync(inMemory) ? inMemory : undefined)
  const keeper = hireKeeper(folder, runner)
  const [port, transportPort] = [await freePort(), await freePort()]
  const home = join(folder, 'home')
  mkdirSync(join(home, 'config'), { recursive: true })
  for (const path of [home, join(home, 'config')]) giveTo(runner, path)
  if (product === 'elasticsearch') layModule(home, jars)
  const url = `http://127.0.0.1:${port}`
  const command = [...javaFor(product, jars), home, String(port), String(transportPort)]
  const { crash, stop } = await startKillable(keeper, { name: product, command, isUp: () => isReady(url), startMs })
  const indices = async (pattern: string): Promise<readonly string[]> => {
    const answer = await fetch(`${url}/${pattern}/_alias?expand_wildcards=all`)
    return Object.keys((await answer.json()) as object).toSorted()
  }
  return {
    url,
    indices,
    clear: async () => {
      const all = await indices('*')
      if (all.length > 0) await fetch(`${url}/${all.join(',')}`, { method: 'DELETE' })
    },
    crash,
    stop,
  }
}

function javaFor(product: SearchProduct, { server, transport }: Jars): readonly string[] {
  // Without -Xrs a quit signal would print threads instead of ending it.
  const java = ['java', '-Xrs', '-Xms256m', '-Xmx512m']
  const isModular = product === 'elasticsearch'
  const jars = isModular ? server : [...server, ...transport]
  const path = jars.join(':')
  const modules = ['--module-path', path, '--add-modules', 'jdk.net', '--add-modules', 'ALL-MODULE-PATH']
  const program = fileURLToPath(new URL(isModular ? './Elasticsearch.java' : './OpenSearch.java', import.meta.url))
  return [...java, ...(isModular ? modules : ['-cp', path]), program]
}

/** Elasticsearch finds what speaks HTTP in a folder of its home. */
function layModule(home: string, { transport }: Jars): void {
  const folder = join(home, 'modules', 'transport-netty4')
  mkdirSync(folder, { recursive: true })
  mkdirSync(join(home, 'plugins'))
  for (const jar of transport) symlinkSync(jar, join(folder, basename(jar)))
  writeFileSync(join(folder, 'plugin-descriptor.properties'), transportModule)
  if (!existsSync(folder) || readdirSync(folder).length < 2) throw new Error('there is no module to speak HTTP')
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/_cluster/health`)
    const { status } = (await answer.json()) as { readonly status?: string }
    return status === 'green' || status === 'yellow'
  } catch {
    return false
  }
}
