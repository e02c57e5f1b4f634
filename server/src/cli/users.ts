import type { Command } from 'commander'
import type { User } from '../auth/users.ts'
import { chosenPassword, withAccounts } from './accounts.ts'
import { confirmed } from './confirmed.ts'
import { examples } from './help.ts'
import { gathered } from './options.ts'
import type { Run, Session } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface UserFlags {
  readonly fullName?: string
  readonly group?: readonly string[]
  readonly passwordFile?: string
}

/** `varve users`: who may log in to a server over the store. */
export function addUsers(program: Command, run: Run): void {
  const users = program
    .command('users')
    .summary('say who may log in')
    .description(
      'Says who may log in to a server over the store. Works on the store itself, and on a server by its URL; a server that runs sees a change of its store within two seconds. ' +
        'Once a store has users, every server over it asks for a login, unless it is told --insecure.',
    )
  examples(users, [
    ["varve users add ada --group '$admins'", 'makes a user, and prints the password made up for it'],
    ['varve users add shop --group services --password-file shop.txt', 'with a password of yours'],
    ['varve users disable ada', 'ends what she has open, and keeps her out'],
  ])
  addList(users, run)
  addAdd(users, run)
  addUpdate(users, run)
  addPassword(users, run)
  addSwitch(users, run, 'disable')
  addSwitch(users, run, 'enable')
  addRemove(users, run)
}

function addList(users: Command, run: Run): void {
  const command = users
    .command('list')
    .summary('list who may log in')
    .description(
      'Lists users. In a pipe: login, enabled or disabled, groups separated by commas, full name, separated by tabs.',
    )
  command.action(() =>
    run(command, (session) =>
      withAccounts(session, 'existing', async ({ users: all }) => {
        for (const user of await all.list()) await printUser(session, user)
        return undefined
      }),
    ),
  )
}

function addAdd(users: Command, run: Run): void {
  const command = users
    .command('add')
    .summary('make a user')
    .description(
      'Makes a user. Without --password-file a password is made up and printed, once. In a pipe: login and that password.',
    )
    .argument('<login>')
    .option('--full-name <name>', 'the name of the person or the program')
    .option('--group <group>', 'a group: $admins, $ops or one of yours; repeat for several', gathered)
    .option('--password-file <file>', 'the file with the password in its first line, - for standard input')
  command.action((login: string, { fullName, group, passwordFile }: UserFlags) =>
    run(command, async (session) => {
      const { password, isMadeUp } = await chosenPassword(session, passwordFile)
      const said = { ...(fullName !== undefined && { fullName }), ...(group !== undefined && { groups: group }) }
      const user = await withAccounts(session, 'create', ({ users: all }) => all.create({ login, password, ...said }))
      if (isMadeUp) await printPassword(session, user.login, password)
      else await printUser(session, user)
      return undefined
    }),
  )
}

function addUpdate(users: Command, run: Run): void {
  const command = users
    .command('update')
    .summary('change the name or the groups of a user')
    .description('Changes what is given; what is not stays.')
    .argument('<login>')
    .option('--full-name <name>')
    .option('--group <group>', 'all of its groups: repeat for several', gathered)
  command.action((login: string, { fullName, group }: UserFlags) =>
    run(command, async (session) => {
      const said = { ...(fullName !== undefined && { fullName }), ...(group !== undefined && { groups: group }) }
      await printUser(session, await withAccounts(session, 'existing', ({ users: all }) => all.update(login, said)))
      return undefined
    }),
  )
}

function addPassword(users: Command, run: Run): void {
  const command = users
    .command('password')
    .summary('give a user another password')
    .description(
      'Gives a user another password, and ends what was opened with the one before. Without --password-file one is made up and printed, once.',
    )
    .argument('<login>')
    .option('--password-file <file>', 'the file with the password in its first line, - for standard input')
  command.action((login: string, { passwordFile }: UserFlags) =>
    run(command, async (session) => {
      const { password, isMadeUp } = await chosenPassword(session, passwordFile)
      await withAccounts(session, 'existing', ({ users: all }) => all.resetPassword(login, password))
      if (isMadeUp) await printPassword(session, login, password)
      return undefined
    }),
  )
}

function addSwitch(users: Command, run: Run, name: 'disable' | 'enable'): void {
  const does = {
    disable: 'keep a user out, and end what it has open',
    enable: 'let a disabled user log in again',
  }[name]
  const command = users.command(name).summary(does).argument('<login>')
  command.action((login: string) =>
    run(command, async (session) => {
      const change = withAccounts(session, 'existing', ({ users: all }) => all.setDisabled(login, name === 'disable'))
      await printUser(session, await change)
      return undefined
    }),
  )
}

function addRemove(users: Command, run: Run): void {
  const command = users
    .command('remove')
    .summary('remove a user and its tokens')
    .argument('<login>')
    .option('--yes', 'ask nothing')
  command.action((login: string, { yes }: { readonly yes?: boolean }) =>
    run(command, async (session) => {
      if (yes !== true) await confirmed(session, `Remove user ${visible(login)} and its tokens?`)
      await withAccounts(session, 'existing', ({ users: all }) => all.delete(login))
      await printResult(session, { login, removed: true }, `Removed ${visible(login)}.`, [login])
      return undefined
    }),
  )
}

async function printUser(session: Session, { login, fullName, groups, isDisabled }: User): Promise<void> {
  const { terminal } = session
  const state = isDisabled ? 'disabled' : 'enabled'
  const look = isDisabled ? 'red' : 'green'
  const who = `${terminal.styled('cyan', visible(login))}  ${visible(groups.join(', '))}  ${visible(fullName)}`
  const json = { login, full_name: fullName, groups, disabled: isDisabled }
  await printResult(session, json, `${terminal.styled(look, state.padEnd(8))}  ${who}`.trimEnd(), [
    login,
    state,
    groups.join(','),
    fullName,
  ])
}

async function printPassword(session: Session, login: string, password: string): Promise<void> {
  const forPerson = `The password of ${visible(login)} is ${session.terminal.styled('bold', password)}. It is shown this once.`
  await printResult(session, { login, password }, forPerson, [login, password])
}
