import type { Command } from 'commander'
import type { Token } from '../auth/tokens.ts'
import { withAccounts } from './accounts.ts'
import { examples } from './help.ts'
import { duration } from './options.ts'
import type { Run, Session } from './session.ts'
import { printResult, tabbed } from './show.ts'
import { visible } from './visible.ts'

interface CreateFlags {
  readonly expires: number
  readonly note?: string
}

/** `varve tokens`: what programs log in with. */
export function addTokens(program: Command, run: Run): void {
  const tokens = program
    .command('tokens')
    .summary('make and revoke what programs log in with')
    .description(
      'Makes and revokes tokens. A program that sends one is its user, until the token is over or revoked. The variable VARVE_TOKEN holds the one that varve itself sends to a server.',
    )
  examples(tokens, [
    ['varve tokens create shop --expires 90d --note "orders, production"', 'prints the token, once'],
    ['varve tokens list shop', 'which tokens there are, without their texts'],
  ])
  addCreate(tokens, run)
  addList(tokens, run)
  addRevoke(tokens, run)
}

function addCreate(tokens: Command, run: Run): void {
  const command = tokens
    .command('create')
    .summary('make a token of a user')
    .description(
      'Makes a token and prints it; it is kept nowhere. In a pipe: its text, its id and when it is over, separated by tabs.',
    )
    .argument('<login>')
    .option('--expires <time>', 'how long it lasts, as in 12h or 90d; at most 366d', duration, 90 * 86_400_000)
    .option('--note <text>', 'what it is for')
  command.action((login: string, { expires, note }: CreateFlags) =>
    run(command, async (session) => {
      const { token, text } = await withAccounts(session, 'existing', async ({ users, tokens: all }) => {
        await users.details(login)
        return all.create({ login, expiresInMs: expires, ...(note !== undefined && { note }) })
      })
      const over = timeOf(token.expiresAtMs)
      const forPerson = `${session.terminal.styled('bold', text)}\nThis token of ${visible(login)} is shown this once, and lasts until ${over}.`
      await printResult(session, { ...json(token), token: text }, forPerson, [text, token.id, over])
      return undefined
    }),
  )
}

function addList(tokens: Command, run: Run): void {
  const command = tokens
    .command('list')
    .summary('list tokens, without their texts')
    .description('Lists tokens. In a pipe: id, login, when it is over, note, separated by tabs.')
    .argument('[login]', 'of this user; left out: all')
  command.action((login: string | undefined) =>
    run(command, (session) =>
      withAccounts(session, 'existing', async ({ tokens: all }) => {
        for (const token of await all.list(login)) await printToken(session, token)
        return undefined
      }),
    ),
  )
}

function addRevoke(tokens: Command, run: Run): void {
  const command = tokens
    .command('revoke')
    .summary('revoke a token, and end what was opened with it')
    .argument('<login>')
    .argument('<id>', "as 'varve tokens list' shows it")
  command.action((login: string, id: string) =>
    run(command, async (session) => {
      await withAccounts(session, 'existing', ({ tokens: all }) => all.revoke(id, login))
      await printResult(session, { id, login, revoked: true }, `Revoked ${visible(id)}.`, [id])
      return undefined
    }),
  )
}

async function printToken(session: Session, token: Token): Promise<void> {
  const columns = [token.id, token.login, timeOf(token.expiresAtMs), token.note]
  await printResult(session, json(token), tabbed(columns).replaceAll('\t', '  ').trimEnd(), columns)
}

function json({ id, login, note, createdAtMs, expiresAtMs }: Token): object {
  return { id, login, note, created_at: timeOf(createdAtMs), expires_at: timeOf(expiresAtMs) }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
