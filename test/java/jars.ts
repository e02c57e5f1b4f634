// Jars that tests run programs in Java with: Maven Central has them, each checked against the digest that a list pins.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Jars that are pinned together, and kept between runs. */
export interface Jars {
  /** The folder that they are kept in. */
  readonly cache: string
  readonly classPath: string
  areThere(): boolean
  /** Gets what is missing. Rejects when a jar cannot be had, or is not the one that is pinned. */
  fetch(): Promise<void>
}

/** A jar as it is pinned. */
interface Jar {
  readonly file: string
  /** Below the root of a Maven repository. */
  readonly path: string
  readonly sha256: string
}

/** A mirror may be named, as companies have them. */
const repository = process.env.VARVE_MAVEN_REPOSITORY ?? 'https://repo1.maven.org/maven2'
const fetchMs = 60_000

/** The jars of a list, kept in a folder of this name. */
export function pinnedJars(list: URL, folder: string): Jars {
  const cache = join(import.meta.dirname, '../../node_modules/.cache', folder)
  const pinned = jarsIn(readFileSync(list, 'utf8'))
  const kept = pinned.map(({ file }) => join(cache, file))
  return {
    cache,
    classPath: kept.join(':'),
    areThere: () => kept.every((file) => existsSync(file)),
    fetch: async () => {
      mkdirSync(cache, { recursive: true })
      for (const jar of pinned) await fetchJar(jar, join(cache, jar.file))
    },
  }
}

/** Whether a program of the JDK, or of a runtime, is installed. */
export function hasProgram(program: 'java' | 'javac'): boolean {
  return spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0
}

async function fetchJar({ path, sha256 }: Jar, kept: string): Promise<void> {
  if (existsSync(kept)) return
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

function jarsIn(list: string): readonly Jar[] {
  return list
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [artefact = '', sha256 = ''] = line.split(' ')
      const [group = '', name = '', version = ''] = artefact.split(':')
      const file = `${name}-${version}.jar`
      return { file, path: `${group.replaceAll('.', '/')}/${name}/${version}/${file}`, sha256 }
    })
}
