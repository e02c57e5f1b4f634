// Where the broker's jars come from: Maven Central, once, each checked against the digest that jars.txt pins.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A jar as it is pinned. */
interface Jar {
  readonly file: string
  /** Below the root of a Maven repository. */
  readonly path: string
  readonly sha256: string
}

/** What is kept between runs. */
export const kafkaCache: string = join(import.meta.dirname, '../../node_modules/.cache/varve-kafka')

/** A mirror may be named, as companies have them. */
const repository = process.env.VARVE_MAVEN_REPOSITORY ?? 'https://repo1.maven.org/maven2'
const fetchMs = 60_000

/** Why no broker runs here, undefined when everything that it needs is there. Fetches nothing. */
export function whyNoKafka(): string | undefined {
  if (spawnSync('java', ['-version'], { stdio: 'ignore' }).status !== 0) {
    return 'java is not installed, which Apache Kafka needs (17 or later)'
  }
  const isThere = pinned().every(({ file }) => existsSync(join(kafkaCache, file)))
  return isThere
    ? undefined
    : "Apache Kafka's jars are not there (node test/kafka/fetch.ts gets them from Maven Central)"
}

/** The class path of the broker. */
export function kafkaClassPath(): string {
  return pinned()
    .map(({ file }) => join(kafkaCache, file))
    .join(':')
}

/** Gets what is missing. Rejects when a jar cannot be had, or is not the one that is pinned. */
export async function fetchKafka(): Promise<void> {
  mkdirSync(kafkaCache, { recursive: true })
  for (const { file, path, sha256 } of pinned()) {
    const kept = join(kafkaCache, file)
    if (existsSync(kept)) continue
    const answer = await fetch(`${repository}/${path}`, { signal: AbortSignal.timeout(fetchMs) })
    if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    const found = createHash('sha256').update(bytes).digest('hex')
    if (found !== sha256) throw new Error(`${path} has the digest ${found}, and is pinned with ${sha256}`)
    // Whole or not there, whoever else fetches it at the same time.
    const part = `${kept}.${process.pid}`
    writeFileSync(part, bytes)
    renameSync(part, kept)
  }
}

function pinned(): readonly Jar[] {
  return readFileSync(new URL('./jars.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [artefact = '', sha256 = ''] = line.split(' ')
      const [group = '', name = '', version = ''] = artefact.split(':')
      const file = `${name}-${version}.jar`
      return { file, path: `${group.replaceAll('.', '/')}/${name}/${version}/${file}`, sha256 }
    })
}
