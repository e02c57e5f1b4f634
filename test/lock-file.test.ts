import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from './packed/pack.ts'

interface Locked {
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Locked>>
}

it('names the builds for every platform, since npm ci refuses a lock file that leaves one out', () => {
  const wanted = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({
      name,
      places: [`${path}/node_modules/${name}`, `node_modules/${name}`],
    })),
  )
  expect(wanted.filter(({ places }) => !places.some((place) => place in packages)).map(({ name }) => name)).toEqual([])
})

it('names no registry, so that everybody installs from their own', () => {
  const tied = Object.entries(packages).filter(([, { link, resolved }]) => link !== true && resolved !== undefined)
  expect(tied.map(([path]) => path)).toEqual([])
})

it('pins what the repository is built with to one version', () => {
  const { devDependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>
    optionalDependencies: Readonly<Record<string, string>>
  }
  const ranges = Object.entries({ ...devDependencies, ...optionalDependencies })
  expect(ranges.filter(([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))).toEqual([])
})
