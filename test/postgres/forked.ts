import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** Starts a program of this folder once per argument, and waits for the first word of each. They end with the test. */
export async function forked(program: string, programArguments: readonly string[]): Promise<readonly ChildProcess[]> {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const children = programArguments.map((argument) => fork(path, [argument], { execPath: process.execPath }))
  onTestFinished(() => {
    for (const child of children) child.kill()
  })
  await Promise.all(children.map((child) => once(child, 'message')))
  return children
}
