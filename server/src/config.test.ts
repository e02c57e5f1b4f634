import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isLoopback, serverConfig } from './config.ts'

describe('the configuration of a server', () => {
  it('has safe defaults and cannot be changed', () => {
    const config = serverConfig()
    expect(config).toMatchObject({ store: 'sqlite:varve.db', host: '127.0.0.1', port: 2113, insecure: false })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('takes flags before variables, and variables before defaults', () => {
    const variables = { VARVE_PORT: '3000', VARVE_STORE: 'memory:', PATH: '/bin' }
    expect(serverConfig({ port: '4000' }, variables)).toMatchObject({ port: 4000, store: 'memory:' })
  })

  it.each([
    [{ VARVE_PORT: 'http' }, /^VARVE_PORT is "http": give a whole number from 0 to 65535/],
    [{ VARVE_PORT: '70000' }, /^VARVE_PORT/],
    [{ VARVE_PROT: '3000' }, /^VARVE_PROT is no variable of the server; there are .*VARVE_PORT/],
    [{ VARVE_INSECURE: 'yes' }, /^VARVE_INSECURE is "yes": give true or false/],
    [{ VARVE_STORE: ' ' }, /^VARVE_STORE is empty/],
    [{ VARVE_LOG_LEVEL: 'loud' }, /^VARVE_LOG_LEVEL.*trace/],
    [{ VARVE_BODY_BYTES: '-1' }, /^VARVE_BODY_BYTES/],
  ])('refuses %j by its name', (variables, says) => {
    expect(() => serverConfig({}, variables)).toThrow(says)
  })

  it('starts in an environment that is also for other commands, whatever their variables', () => {
    const commands = readdirSync(join(import.meta.dirname, 'cli')).filter((name) => !name.includes('.test.'))
    const variables = commands.flatMap((name) => {
      const source = readFileSync(join(import.meta.dirname, 'cli', name), 'utf8')
      return source.match(/\bVARVE_[A-Z_]*[A-Z]\b/g) ?? []
    })
    expect(variables).toEqual(expect.arrayContaining(['VARVE_BLOBS', 'VARVE_KAFKA_PASSWORD', 'VARVE_TOKEN']))
    for (const variable of variables) {
      // Of one that the server knows, nothing is a value.
      expect(() => serverConfig({}, { [variable]: '' }), variable).not.toThrow(/is no variable/)
    }
  })

  it('refuses an unknown flag', () => {
    expect(() => serverConfig({ prot: 1 } as object)).toThrow(/^prot is no setting/)
  })

  it('does not leave this machine unless it is told that this is wanted', () => {
    expect(() => serverConfig({ host: '0.0.0.0' })).toThrow(/^--host is 0\.0\.0\.0.*--cert.*--insecure/)
    expect(() => serverConfig({ host: '0.0.0.0', adminPassword: 'x' })).toThrow(/^--host is 0\.0\.0\.0/)
    expect(serverConfig({ host: '0.0.0.0', cert: 'a.crt', key: 'a.key' }).host).toBe('0.0.0.0')
    expect(serverConfig({ host: '0.0.0.0', insecure: true }).host).toBe('0.0.0.0')
  })

  it.each([
    [{ cert: 'a.crt' }, /^--cert needs --key/],
    [{ key: 'a.key' }, /^--key needs --cert/],
    [{ insecure: true, cert: 'a.crt', key: 'a.key' }, /^--insecure says/],
    [{ insecure: true, adminPassword: 'x' }, /^--insecure says/],
    [{ adminPassword: 'x', adminPasswordFile: 'x.txt' }, /^--admin-password-file/],
  ])('refuses %j, which contradicts itself', (flags, says) => {
    expect(() => serverConfig(flags)).toThrow(says)
  })

  it.each(['127.0.0.1', '127.1.2.3', 'localhost', 'app.localhost', '::1', '[::1]', 'LOCALHOST'])(
    'knows %s as this machine',
    (host) => expect(isLoopback(host)).toBe(true),
  )

  it.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.evil.example', '127.0.0.1.evil.example', ''])(
    'does not take %j for this machine',
    (host) => expect(isLoopback(host)).toBe(false),
  )
})
