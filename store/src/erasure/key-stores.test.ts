import { deepEqual, doesNotMatch, equal, rejects } from 'node:assert/strict'
import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it, test } from 'vitest'
import { keyStoreConformance } from '../conformance/index.ts'
import { fileKeys } from './file-keys.ts'
import { memoryKeys } from './memory-keys.ts'
import { subjectRef } from './subject.ts'

describe('in memory', () => keyStoreConformance({ test, open: () => ({ keys: memoryKeys() }) }))

describe('in files', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'varve-keys-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))
  const filesIn = (): readonly string[] =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(directory, name)).isFile(),
    )

  keyStoreConformance({
    test,
    open: () => ({ keys: fileKeys({ directory }), openBeside: () => fileKeys({ directory }) }),
  })

  it('lets nobody but its user read a key, and leaves no file but the mark when it is destroyed', async () => {
    const [keys, ref] = [fileKeys({ directory }), subjectRef('c-1')]
    await keys.add(ref, 1, new Uint8Array(32).fill(7))
    const [file = ''] = filesIn()
    equal(statSync(join(directory, file)).mode & 0o777, 0o600)
    doesNotMatch(file, /c-1/)
    await keys.destroy(ref)
    deepEqual(filesIn(), [`${ref.slice(0, 2)}/${ref}.forgotten`])
  })

  it('makes its directory, and the ones it lies in', async () => {
    const [keys, ref] = [fileKeys({ directory: join(directory, 'a', 'b') }), subjectRef('c-1')]
    equal(await keys.add(ref, 1, new Uint8Array(32).fill(7)), 'added')
    deepEqual(filesIn(), [`a/b/${ref.slice(0, 2)}/${ref}/1.key`])
  })

  it('finishes what a crash left half destroyed', async () => {
    const [keys, ref] = [fileKeys({ directory }), subjectRef('c-1')]
    await keys.add(ref, 1, new Uint8Array(32).fill(7))
    writeFileSync(join(directory, ref.slice(0, 2), `${ref}.forgotten`), '')
    equal(await keys.load(ref), 'forgotten')
    equal(filesIn().length, 2)
    await keys.destroy(ref)
    equal(filesIn().length, 1)
  })

  it('overwrites a key before it is removed', async () => {
    const [keys, ref] = [fileKeys({ directory }), subjectRef('c-1')]
    await keys.add(ref, 1, new Uint8Array(32).fill(7))
    const [file = ''] = filesIn()
    linkSync(join(directory, file), join(directory, 'another-name'))
    await keys.destroy(ref)
    deepEqual([...readFileSync(join(directory, 'another-name'))], [...new Uint8Array(32)])
  })

  it('says where it failed, and takes no subject that could lead out of its folder', async () => {
    writeFileSync(join(directory, 'file'), '')
    const keys = fileKeys({ directory: join(directory, 'file') })
    await rejects(keys.add(subjectRef('c-1'), 1, new Uint8Array(32)), { code: 'KEY_STORE_FAILED' })
    await rejects(keys.load('../../etc/passwd'), { code: 'INVALID_ARGUMENT' })
  })
})
