import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

const run = (words: string, given: Parameters<typeof varve>[2] = {}) => varve(folder.path, words.split(' '), given)

describe('varve cert', () => {
  it('makes an authority and a node, whose keys nobody else may read, and overwrites nothing', async () => {
    expect(await run('cert ca')).toMatchObject({ code: 0, stdout: 'ca/ca.crt\tca/ca.key\n', stderr: '' })
    expect(await run('cert node --name localhost')).toMatchObject({ code: 0, stdout: 'node/node.crt\tnode/node.key\n' })
    const modes = ['ca/ca.key', 'node/node.key', 'ca/ca.crt'].map(
      (path) => statSync(join(folder.path, path)).mode & 0o777,
    )
    expect(modes).toEqual([0o600, 0o600, 0o644 & ~process.umask()])
    expect(await run('cert ca')).toMatchObject({
      code: 1,
      stderr: 'varve: ca/ca.key is there already. Choose another --out, or move it away.\n',
    })
    expect((await run('cert node --name a_b --out other')).stderr).toMatch(/^varve: --name is "a_b"/)
    expect((await run('cert node --ca nowhere --out other')).stderr).toMatch(/nowhere\/ca\.crt does not exist/)
  })

  it('serves TLS, to a command that trusts the authority and logs in with a token', async () => {
    const { server, url } = await serve('--store', 'sqlite:tls.db', '--cert', 'node/node.crt', '--key', 'node/node.key')
    await expect.poll(server.noted).toMatch(/^The password of admin is \S+\. It is shown this once/m)
    const [, password = ''] = /admin is (\S+)\. It/.exec(server.noted()) ?? []
    const trusting = { NODE_EXTRA_CA_CERTS: join(folder.path, 'ca', 'ca.crt') }
    const at = `https://localhost:${new URL(url).port}`
    const store = `--store ${at.replace('//', `//admin:${password}@`)}`
    expect(await run(`append Order-1 Placed ${store}`, { env: trusting })).toMatchObject({ code: 0, stderr: '' })
    const [token] = (await run(`tokens create admin ${store}`, { env: trusting })).stdout.split('\t')
    const withToken = { env: { ...trusting, VARVE_TOKEN: token ?? '' } }
    expect(await run(`head --store ${at}`, withToken)).toMatchObject({ code: 0, stdout: '1\n' })
    const nobody = await run(`head --store ${at}`, { env: trusting })
    expect(nobody).toMatchObject({ code: 1, stdout: '' })
    expect(nobody.stderr).toMatch(/log in first/)
    server.child.kill('SIGHUP')
    expect(await run(`head --store ${at}`, withToken)).toMatchObject({ code: 0 })
  })
})

describe('varve users', () => {
  it('says who may log in', async () => {
    const store = '--store sqlite:accounts.db'
    expect((await run(`users add ada --group readers --full-name Ada ${store}`)).stdout).toMatch(/^ada\t\S{24}\n$/)
    expect((await run(`users update ada --group a --group b ${store}`)).stdout).toBe('ada\tenabled\ta,b\tAda\n')
    expect((await run(`users disable ada ${store}`)).stdout).toBe('ada\tdisabled\ta,b\tAda\n')
    expect((await run(`users list ${store}`)).stdout).toBe('ada\tdisabled\ta,b\tAda\n')
    expect((await run(`users password ada ${store}`)).stdout).toMatch(/^ada\t\S{24}\n$/)
    expect(await run(`users add ada ${store}`)).toMatchObject({
      code: 3,
      stderr: 'varve: There is a user "ada" already.\n',
    })
    expect(await run(`users remove ada --yes ${store}`)).toMatchObject({ code: 0, stdout: 'ada\n' })
    expect(await run(`users enable ada ${store}`)).toMatchObject({
      code: 1,
      stderr: 'varve: There is no user "ada".\n',
    })
    expect((await run(`users add a:b ${store}`)).code).toBe(2)
    expect((await run(`users add eve --password-file - ${store}`)).code).toBe(2)
  })

  it('says so to a server, with the rights of whoever asks, and so do tokens', async () => {
    const { url } = await serve('--store', 'memory:', '--admin-password-file', passwordFile())
    const store = `--store ${url.replace('//', '//admin:changeit@')}`
    expect((await run(`users add bob --password-file - ${store}`, { stdin: 'bob\n' })).stdout).toBe(
      'bob\tenabled\t\t\n',
    )
    expect((await run(`users list ${store}`)).stdout).toMatch(/^admin\tenabled\t\$admins\t.*\nbob\t.*\nops\tdisabled/)
    const made = await run(`tokens create bob --expires 1h --note backup ${store}`)
    const [, token = '', id = ''] = /^(vt\.\S+)\t(\S+)\t\S+Z\n$/.exec(made.stdout) ?? []
    const asBob = await run(`users disable admin --store ${url}`, { env: { VARVE_TOKEN: token } })
    expect(asBob).toMatchObject({ code: 1, stderr: "varve: Access denied: user 'bob' is not in $admins.\n" })
    expect((await run(`tokens list bob ${store}`)).stdout).toMatch(new RegExp(`^${id}\tbob\t\\S+Z\tbackup\n$`))
    expect(await run(`tokens revoke bob ${id} ${store}`)).toMatchObject({ code: 0, stdout: `${id}\n` })
    expect((await run(`tokens create bob --expires 900d ${store}`)).code).toBe(2)
  })
})

function passwordFile(): string {
  const path = join(folder.path, 'password.txt')
  writeFileSync(path, 'changeit\n')
  return path
}

async function serve(...words: readonly string[]) {
  const running = start(folder.path, ['serve', ...words, '--port', '0', '--json'])
  servers.push(running)
  let noted = ''
  running.child.stderr?.on('data', (chunk) => {
    noted += chunk
  })
  const [line = ''] = (await running.printed(/\n/)).split('\n')
  return { server: { ...running, noted: () => noted }, url: JSON.parse(line).url as string }
}
