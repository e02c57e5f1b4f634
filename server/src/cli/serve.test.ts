import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type Running, start, temporaryFolder, varve } from '../../../test/cli/varve.ts'

const folder = temporaryFolder()
const servers: Running[] = []
afterEach(async () => {
  for (const { child, ended } of servers.splice(0)) {
    child.kill('SIGTERM')
    await ended
  }
})
afterAll(folder.remove)

/** Starts a server on a free port and waits for the line that says where it is. */
async function serve(store: string): Promise<{ readonly url: string; readonly server: Running }> {
  const server = start(folder.path, ['serve', '--store', store, '--port', '0', '--json'])
  servers.push(server)
  const [line = ''] = (await server.printed(/\n/)).split('\n')
  return { url: JSON.parse(line).url, server }
}

describe('varve serve', () => {
  it('says where it serves what, and ends in order when asked to', async () => {
    const server = start(folder.path, ['serve', '--store', 'sqlite:shop.db', '--port', '0'])
    const line = await server.printed(/\n/)
    expect(line).toMatch(/^http:\/\/127\.0\.0\.1:\d+\tsqlite:shop\.db\n$/)
    const ready = await fetch(`${line.split('\t')[0]}/health/ready`)
    expect(ready.status).toBe(200)
    server.child.kill('SIGINT')
    expect(await server.ended).toMatchObject({ code: 0, stdout: line })
  })

  it('logs no failure for what it does not offer', async () => {
    const { url, server } = await serve('memory:')
    const body = JSON.stringify({ login: 'ada', password: 'correct horse' })
    const answer = await fetch(`${url}/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect(answer.status).toBe(501)
    server.child.kill('SIGTERM')
    expect((await server.ended).stderr).not.toMatch(/"level":50/)
  })

  it('is a store for every other command', async () => {
    const { url } = await serve('sqlite:remote.db')
    const at = (words: readonly string[], stdin = '') => varve(folder.path, [...words, '--store', url], { stdin })
    expect((await at(['append', 'Order-1', 'A', '{"total":1}', '--tag', 'a:1'])).stdout).toMatch(/^Order-1\t1\t1\t/)
    expect((await at(['append', 'Order-1', 'B', '--expected', '5'])).code).toBe(3)
    await at(['append', 'Bytes-1', 'C', '-', '--content-type', 'image/png'], '\u0000PNG')
    await at(['delete', 'Order-1', '--yes'])
    expect((await at(['streams'])).stdout).toBe('Bytes-1\t1\topen\t1\nOrder-1\t1\tdeleted\t2\n')
    const remote = await at(['export'])
    const embedded = await varve(folder.path, ['export', '--store', 'sqlite:remote.db'])
    expect(remote).toEqual(embedded)
    expect((await at(['doctor'])).code).toBe(0)
    expect((await at(['import'], remote.stdout)).stdout).toBe('0\t3\tStandard input\n')
    const other = await serve('memory:')
    const copied = await varve(folder.path, ['import', '--store', other.url], { stdin: remote.stdout })
    expect(copied).toMatchObject({ code: 0, stdout: '3\t0\tStandard input\n' })
    expect(await varve(folder.path, ['export', '--store', other.url])).toEqual(remote)
  })

  it('is followed by a tail, live', async () => {
    const { url } = await serve('memory:')
    const tail = start(folder.path, ['tail', '--store', url])
    await varve(folder.path, ['append', 'Order-1', 'First', '--store', url])
    await tail.printed(/First/)
    tail.child.kill('SIGINT')
    expect(await tail.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('refuses a port that is in use, and says which', async () => {
    const { url } = await serve('memory:')
    const port = new URL(url).port
    const second = await varve(folder.path, ['serve', '--store', 'memory:', '--port', port, '--log-level', 'silent'])
    expect(second).toMatchObject({ code: 1, stdout: '' })
    expect(second.stderr).toMatch(new RegExp(`^varve: [^\\n]*127\\.0\\.0\\.1:${port}[^\\n]*--port\\.\\n$`))
  })

  it('is told apart from a server that is not there', async () => {
    const { url, server } = await serve('memory:')
    server.child.kill('SIGTERM')
    await server.ended
    const ended = await varve(folder.path, ['head', '--store', url])
    expect(ended).toMatchObject({ code: 4, stdout: '' })
    expect(ended.stderr).toMatch(/^varve: [^\n]*does not answer[^\n]*\n$/)
  })
})
