import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, run } from './packed/pack.ts'

/** The pages of the repository, as git knows them. */
const { output } = await run('git', ['ls-files', '*.md'], root)
const pages = output.trim().split('\n')

/** Links to files of the repository, without those to a part of the same page. */
function linksIn(page: string): readonly string[] {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
}

/** The anchors that a page's headings have, as code hosts make them. */
function anchorsIn(page: string): ReadonlySet<string> {
  const headings = readFileSync(join(root, page), 'utf8').matchAll(/^#+ (.*)$/gm)
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

describe('a link in the documentation', () => {
  it.each(pages)('leads to a file that is there: %s', (page) => {
    const missing = linksIn(page).filter((target) => !existsSync(join(root, dirname(page), target)))
    expect(missing).toEqual([])
  })

  it.each(pages)('leads to a heading that is there: %s', (page) => {
    const text = readFileSync(join(root, page), 'utf8')
    const wrong = [...text.matchAll(/\]\(([^)\s#:]*\.md|)#([^)\s]+)\)/g)]
      .map(([, target = '', anchor = '']) => ({
        file: target === '' ? page : normalize(join(dirname(page), target)),
        anchor,
      }))
      .filter(({ file, anchor }) => existsSync(join(root, file)) && !anchorsIn(file).has(anchor))
    expect(wrong).toEqual([])
  })

  it('exists', () => {
    expect(pages.flatMap(linksIn).length).toBeGreaterThanOrEqual(20)
  })
})
