import { equal } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Fails unless a machine says what its transcript says. Lines of a transcript: `#` comments, `>` what happens, indented
 * what the machine answers, and any other line sets a scene. `answer` is told the latter two without their marks.
 *
 * After a deliberate change: VARVE_REWRITE_TRANSCRIPTS=1 vitest run <the test>, then read the difference.
 */
export function expectTranscript(name: string, answer: (line: string) => readonly string[]): void {
  const file = new URL(`./${name}.txt`, import.meta.url)
  const replayed = replay(readFileSync(file, 'utf8'), answer)
  if (process.env.VARVE_REWRITE_TRANSCRIPTS !== undefined) writeFileSync(file, replayed)
  equal(replayed, readFileSync(file, 'utf8'))
}

function replay(transcript: string, answer: (line: string) => readonly string[]): string {
  const lines = transcript.split('\n').flatMap((line) => {
    if (line.startsWith('  ')) return []
    if (line === '' || line.startsWith('#')) return [line]
    const given = line.startsWith('> ') ? line.slice(2) : line
    return [line, ...answer(given).map((text) => `  ${text}`)]
  })
  return lines.join('\n')
}
