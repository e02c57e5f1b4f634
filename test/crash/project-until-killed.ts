// Run by projection.test.ts: project-until-killed.ts <folder> <dies after this many begins and commits, 0 for never>
// By the clock a kill almost never falls between two statements of a commit, so half of the deaths are put there.
import { DatabaseSync } from 'node:sqlite'
import { project } from 'varve'
import { openLog, tallyProjection } from './tally.ts'

const folder = process.argv[2] ?? ''
let left = Number(process.argv[3])

const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function counted(this: DatabaseSync, sql: string): void {
  exec.call(this, sql)
  const ends = /^(begin|commit)/.test(sql) && this.location()?.endsWith('read-model.db')
  if (ends && --left === 0) process.kill(process.pid, 'SIGKILL')
}

const running = project(openLog(folder), tallyProjection(folder))
await running.waitFor(1)
process.stdout.write('working\n')
await running.done
