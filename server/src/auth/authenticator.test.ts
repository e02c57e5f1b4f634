import { memory, systemClock } from 'varve'
import { describe, expect, it } from 'vitest'
import { accountsOn } from './accounts.ts'
import { Authenticator } from './authenticator.ts'
import { scryptPasswords } from './passwords.ts'

const basic = (login: string, password: string): string =>
  `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`

describe('a user who logs in', () => {
  it('is known by the password, and by no other one', async () => {
    const { log, users } = await stage()
    await expect(log(basic('ada', 'secret'))).resolves.toMatchObject({ login: 'ada', by: 'password' })
    await users.resetPassword('ada', 'other')
    await expect(log(basic('ada', 'secret'))).rejects.toMatchObject({ problem: 'credentials' })
    await expect(log(basic('ada', 'other'))).resolves.toMatchObject({ login: 'ada' })
    await expect(log(basic('nobody', 'secret'))).rejects.toMatchObject({ problem: 'credentials' })
  })

  it('costs one hash however many requests are sent, at once or one after the other, right or wrong', async () => {
    const { log, hashes } = await stage()
    const before = hashes()
    await Promise.all(Array.from({ length: 50 }, () => log(basic('ada', 'secret'))))
    for (let request = 0; request < 50; request++) await log(basic('ada', 'secret'))
    expect(hashes() - before).toBe(1)
    for (let request = 0; request < 50; request++) await expect(log(basic('ada', 'wrong'))).rejects.toThrow()
    expect(hashes() - before).toBe(2)
  })

  it('is somebody else’s guess no more than ten times at once, and then once in two seconds', async () => {
    const { log, hashes, pass } = await stage()
    const before = hashes()
    const guess = (number: number) => log(basic('ada', `guess ${number}`)).catch(({ problem }) => problem)
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, number) => guess(number)))
    expect(outcomes.filter((outcome) => outcome === 'guesses')).toHaveLength(90)
    expect(hashes() - before).toBe(10)
    pass(2_000)
    expect([await guess(1_000), await guess(1_001)]).toEqual(['credentials', 'guesses'])
    expect(hashes() - before).toBe(11)
  })

  it('goes on while somebody guesses, where the password is known already', async () => {
    const { log } = await stage()
    await log(basic('ada', 'secret'))
    for (let number = 0; number < 20; number++) await log(basic('ada', `${number}`)).catch(() => undefined)
    await expect(log(basic('ada', 'secret'))).resolves.toMatchObject({ login: 'ada' })
  })

  it('is nobody any more once disabled, given another password or removed, also where it had logged in before', async () => {
    const { log, users } = await stage()
    const identity = await log(basic('ada', 'secret'))
    expect(await identity.member()).toMatchObject({ login: 'ada', groups: ['readers'] })
    await users.update('ada', { groups: ['writers'] })
    expect(await identity.member()).toMatchObject({ groups: ['writers'] })
    await users.setDisabled('ada', true)
    expect(await identity.member()).toBeUndefined()
    await expect(log(basic('ada', 'secret'))).rejects.toMatchObject({ problem: 'credentials' })
    await users.setDisabled('ada', false)
    expect(await identity.member()).toBeDefined()
    await users.resetPassword('ada', 'other')
    expect(await identity.member()).toBeUndefined()
    await users.delete('ada')
    await expect(log(basic('ada', 'other'))).rejects.toMatchObject({ problem: 'credentials' })
  })

  it('is seen as another server has changed it, within two seconds', async () => {
    const { log, engine, passwords, pass } = await stage()
    const identity = await log(basic('ada', 'secret'))
    const elsewhere = accountsOn({ engine, clock: systemClock, passwords })
    await elsewhere.users.setDisabled('ada', true)
    pass(2_000)
    expect(await identity.member()).toBeUndefined()
    await expect(log(basic('ada', 'secret'))).rejects.toMatchObject({ problem: 'credentials' })
  })
})

describe('a token', () => {
  it('logs its user in until it is over', async () => {
    const { log, tokens, pass } = await stage()
    const { text } = await tokens.create({ login: 'ada', expiresInMs: 60_000 })
    const identity = await log(`Bearer ${text}`)
    expect(identity).toMatchObject({ login: 'ada', by: 'token' })
    pass(59_999)
    expect(await identity.member()).toBeDefined()
    pass(1)
    expect(await identity.member()).toBeUndefined()
    await expect(log(`Bearer ${text}`)).rejects.toMatchObject({ problem: 'credentials' })
  })

  it('ends when it is revoked, and with its user', async () => {
    const { log, tokens, users } = await stage()
    const first = await tokens.create({ login: 'ada', expiresInMs: 60_000 })
    const second = await tokens.create({ login: 'ada', expiresInMs: 60_000 })
    const identities = [await log(`Bearer ${first.text}`), await log(`Bearer ${second.text}`)]
    await tokens.revoke(first.token.id, 'ada')
    expect(await Promise.all(identities.map((one) => one.member()))).toMatchObject([undefined, { login: 'ada' }])
    await users.delete('ada')
    await users.create({ login: 'ada', password: 'again' })
    await expect(log(`Bearer ${second.text}`)).rejects.toMatchObject({ problem: 'credentials' })
  })

  it('is none with another secret, another id, or cut short', async () => {
    const { log, tokens } = await stage()
    const { text } = await tokens.create({ login: 'ada', expiresInMs: 60_000 })
    const [prefix, id, secret = ''] = text.split('.')
    const other = `${secret.slice(0, -2)}${secret.at(-2) === 'A' ? 'B' : 'A'}${secret.at(-1)}`
    for (const wrong of [
      `${prefix}.${id}.${other}`,
      `${prefix}.${'A'.repeat(16)}.${secret}`,
      text.slice(0, -1),
      `${text}A`,
    ]) {
      await expect(log(`Bearer ${wrong}`)).rejects.toMatchObject({ problem: 'credentials' })
    }
  })

  it('is kept as a hash, and a password too', async () => {
    const { engine, tokens } = await stage()
    const { text } = await tokens.create({ login: 'ada', expiresInMs: 60_000 })
    const kept = JSON.stringify(await engine.shelf.list({ prefix: 'auth/', after: '', limit: 100 }))
    expect(kept).toContain('scrypt$')
    expect(kept).not.toContain(text.split('.')[2])
    expect(kept).not.toContain('secret"')
  })
})

/** A user `ada` with the password `secret`, a clock that goes on when told to, and a count of hashes. */
async function stage() {
  let [nowMs, hashes] = [Date.UTC(2026, 0, 1), 0]
  const engine = memory()
  const clock = { ...systemClock, now: () => nowMs }
  const { hash, matches } = scryptPasswords({ cost: 16, rounds: 1 })
  const passwords = {
    hash,
    matches: (...given: Parameters<typeof matches>) => {
      hashes++
      return matches(...given)
    },
  }
  const accounts = accountsOn({
    engine,
    clock,
    passwords,
    userChanged: (login) => authenticator.forgetUser(login),
    tokenRevoked: (id) => authenticator.forgetToken(id),
  })
  const { users, tokens } = accounts
  const authenticator = new Authenticator({ clock, passwords, findUser: users.find, findToken: tokens.find })
  await users.create({ login: 'ada', password: 'secret', groups: ['readers'] })
  return {
    ...{ engine, passwords, users, tokens },
    log: async (header: string) => authenticator.identify(header),
    hashes: () => hashes,
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}
