// Where the jars of the servers come from: Maven fetches them once, from Maven Central, and keeps them in its own cache.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The two servers. */
export type SearchProduct = 'elasticsearch' | 'opensearch'

/** Files of a server. */
export interface Jars {
  readonly server: readonly string[]
  /** What speaks HTTP, and is not in the server itself. */
  readonly transport: readonly string[]
}

/** The newest that run on Java 17 and whose transport Maven Central has. */
const versions = { elasticsearch: '8.17.0', opensearch: '2.19.6' } as const

const coordinates = {
  elasticsearch: {
    server: [`org.elasticsearch:elasticsearch:${versions.elasticsearch}`],
    transport: [`org.elasticsearch.plugin:transport-netty4:${versions.elasticsearch}`],
  },
  opensearch: {
    server: [`org.opensearch:opensearch:${versions.opensearch}`, 'org.apache.logging.log4j:log4j-core:2.25.4'],
    transport: [`org.opensearch.plugin:transport-netty4-client:${versions.opensearch}`],
  },
} as const

/** What Elasticsearch asks of a module's folder. */
export const transportModule: string = [
  'name=transport-netty4',
  'description=HTTP',
  `version=${versions.elasticsearch}`,
  `elasticsearch.version=${versions.elasticsearch}`,
  'java.version=17',
  'classname=org.elasticsearch.transport.netty4.Netty4Plugin',
  'extended.plugins=',
  'has.native.controller=false',
  '',
].join('\n')

const cache = join(import.meta.dirname, '../../node_modules/.cache/varve-search')
const fetchMs = 240_000

/** The jars of a server, or why there are none. */
export function jarsOf(product: SearchProduct): { readonly jars: Jars } | { readonly reason: string } {
  const known = join(cache, `${product}-${versions[product]}.json`)
  const kept = existsSync(known) ? (JSON.parse(readFileSync(known, 'utf8')) as Jars) : undefined
  if (!works('java')) return { reason: `java is not installed, which ${product} needs` }
  if (kept !== undefined && [...kept.server, ...kept.transport].every((jar) => existsSync(jar))) return { jars: kept }
  if (!works('mvn')) return { reason: `mvn is not installed, which fetches ${product}` }
  const { server, transport } = coordinates[product]
  const own = classPath(`${product}-server`, server)
  const all = own && classPath(`${product}-all`, [...server, ...transport])
  if (own === undefined || all === undefined) {
    return { reason: `the jars of ${product} ${versions[product]} could not be fetched from Maven Central` }
  }
  const jars = { server: own, transport: all.filter((jar) => !own.includes(jar)) }
  writeFileSync(known, JSON.stringify(jars))
  return { jars }
}

function works(program: string): boolean {
  return spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0
}

/** The files of some artefacts and of all that they need. Undefined when Maven could not get them. */
function classPath(name: string, artefacts: readonly string[]): readonly string[] | undefined {
  const folder = join(cache, name)
  mkdirSync(folder, { recursive: true })
  const dependencies = artefacts.map((artefact) => {
    const [group, id, version] = artefact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`
  })
  const project = `<modelVersion>4.0.0</modelVersion><groupId>varve</groupId><artifactId>${name}</artifactId><version>1</version>`
  const file = join(folder, 'pom.xml')
  const output = join(folder, 'class-path.txt')
  writeFileSync(file, `<project>${project}<dependencies>${dependencies.join('')}</dependencies></project>\n`)
  const goal = ['dependency:build-classpath', '-DincludeScope=runtime', `-Dmdep.outputFile=${output}`]
  const { status } = spawnSync('mvn', ['-q', '-B', '-f', file, ...goal], { stdio: 'ignore', timeout: fetchMs })
  return status === 0 && existsSync(output) ? readFileSync(output, 'utf8').trim().split(':') : undefined
}
