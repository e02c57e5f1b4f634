// The two commands of the README, on a machine that has nothing but Node and npm:
//
//   npm start   install if needed > build > load the flights into an embedded store > varve serve
//   npm test    install if needed > build > the whole test suite
//
// Plain JavaScript without dependencies, because it runs before anything is installed, on whatever Node is there
// (20 or later). What it starts runs on the project's own Node, an npm package pinned in the lock file.

import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const binFolder = join(root, 'node_modules', '.bin')
const isWindows = process.platform === 'win32'

/**
 * The oldest Node that runs this repository's TypeScript files as they are: before, there is no `await using`. What is built
 * of them, the packages, runs from 22.13.
 */
const oldestNode = [24, 0]

/** One press of Ctrl-C can arrive several times: from the terminal, from npm, from a shell. */
const onePressMs = 1_000

/** How often to look whether whoever started this is still there. */
const orphanCheckMs = 500

const packages = ['store', 'server']

const commands = {
  start: async (args) => {
    await makeReady()
    return exec('node', [join('examples', 'flights', 'serve.ts'), ...args])
  },
  test: async (args) => {
    await makeReady()
    return exec('node', [join('node_modules', 'vitest', 'vitest.mjs'), 'run', ...args])
  },
  build: async () => {
    await makeReady()
    return 0
  },
}

async function main([name, ...args]) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined
  if (command === undefined) {
    fail(`There is no command ${name ?? '(none given)'}. Commands: ${Object.keys(commands).join(', ')}.`)
  }
  process.chdir(root)
  process.exitCode = await command(args)
}

/** Installs and builds what is missing or older than the sources. */
async function makeReady() {
  const reason = reasonToInstall()
  if (reason !== undefined) await install(reason)
  refuseOldNode()
  await build()
}

/**
 * Why an install is needed, undefined when it is not. npm notes in a hidden lock file what it really installed, as its
 * last step: an install that broke off, a newer lock file and a hand-made `npm install` are all told apart by it.
 */
function reasonToInstall() {
  const installed = readPackages(join('node_modules', '.package-lock.json'))
  if (installed === undefined) return 'nothing is installed yet'
  for (const [path, wanted] of Object.entries(readPackages('package-lock.json') ?? {})) {
    if (path === '' || (wanted.optional && installed[path] === undefined)) continue
    if (installed[path]?.version !== wanted.version) return 'package-lock.json is newer than what is installed'
  }
}

function readPackages(file) {
  if (!existsSync(file)) return undefined
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

async function install(reason) {
  say(`Installing: ${reason}. This takes a minute or less, once.`)
  const startedAt = Date.now()
  const heartbeat = setInterval(() => say(`Still installing, ${secondsSince(startedAt)} s so far.`), 15_000)
  // No package here needs an install script, so none may run. Warnings about an old Node are noise: it only carries npm.
  const flags = [
    '--include=dev',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  // Not `npm ci`: it refuses a lock file that lacks another platform's optional package, which a registry that serves only
  // some platforms leaves out. This takes the same versions from the lock file and leaves it as it is.
  const code = await run('npm', ['install', '--no-save', ...flags], { env: envWithoutOurNode(), shell: isWindows })
  clearInterval(heartbeat)
  if (code !== 0) fail(`npm install failed with exit code ${code}; its own words are above.`)
  say(`Installed in ${secondsSince(startedAt)} s.`)
}

/** npm has to run on the machine's Node, because `npm ci` removes ours before it brings it back. */
function envWithoutOurNode() {
  return withPath(pathFolders().filter((folder) => folder !== binFolder))
}

/** Where the lock file has a Node for this platform, it is used; elsewhere the machine's own has to be new enough. */
function refuseOldNode() {
  if (existsSync(join(binFolder, isWindows ? 'node.cmd' : 'node'))) return
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  fail(
    `This is Node ${process.versions.node}; Varve's repository needs ${oldestNode.join('.')} or later, and brings its own only ` +
      `on Linux and Windows (here: ${process.platform} ${process.arch}). Install a newer Node and run the command again.`,
  )
}

async function build() {
  for (const folder of packages) removeOrphans(folder)
  const code = await exec('node', [join('node_modules', 'typescript', 'bin', 'tsc'), '-b', ...packages])
  if (code !== 0) process.exit(code)
  const bundled = await exec('node', [join('tools', 'bundle.ts')])
  if (bundled !== 0) process.exit(bundled)
  linkCommand()
}

/** Puts `varve` where npx finds it: npm links a command when it installs, but not one that is built only afterwards. */
function linkCommand() {
  const command = join('server', 'dist', 'cli', 'varve.js')
  if (!existsSync(command)) return
  // The compiler writes plain files.
  chmodSync(command, 0o755)
  const link = join(binFolder, isWindows ? 'varve.cmd' : 'varve')
  if (existsSync(link)) return
  if (isWindows) writeFileSync(link, '@node "%~dp0..\\varve-server\\dist\\cli\\varve.js" %*\r\n')
  else symlinkSync(join('..', 'varve-server', 'dist', 'cli', 'varve.js'), link)
}

/** Removes what was built from sources that are gone: the compiler leaves it, and it would be published. */
function removeOrphans(folder) {
  const dist = join(folder, 'dist')
  if (!existsSync(dist)) return
  for (const path of readdirSync(dist, { recursive: true })) {
    const source = path.replace(/\.d\.ts$/, '.ts')
    if (source === path || existsSync(join(folder, 'src', source))) continue
    rmSync(join(dist, path))
  }
}

/** Runs a command on the project's own tools and hands on its exit code and our signals. */
function exec(command, args) {
  return run(command, args, { env: withPath([binFolder, ...pathFolders()]), shell: isWindows })
}

function run(command, args, options) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
  const stopForwarding = forwardSignals(child)
  return new Promise((resolve) => {
    child.once('error', (error) => {
      stopForwarding()
      fail(`${command} did not start: ${error.message}`)
    })
    child.once('exit', (code, signal) => {
      stopForwarding()
      resolve(signal === null ? code : 128 + signalNumbers[signal])
    })
  })
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

/**
 * Hands signals on, once per press, and stays until the child has ended, so that it can end in its own way. The shell
 * between npm and us passes no signal on, it just dies: losing it counts as being told to end.
 */
function forwardSignals(child) {
  const parent = process.ppid
  let told = false
  const orphanCheck = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(orphanCheck)
    if (!told) child.kill('SIGTERM')
  }, orphanCheckMs)
  const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    let lastAt = Number.NEGATIVE_INFINITY
    const forward = () => {
      const isRepeat = Date.now() - lastAt < onePressMs
      lastAt = Date.now()
      told = true
      // A terminal has sent Ctrl-C to the child already.
      const arrivedAlready = signal === 'SIGINT' && process.stdin.isTTY
      if (!isRepeat && !arrivedAlready) child.kill(signal)
    }
    process.on(signal, forward)
    return [signal, forward]
  })
  return () => {
    clearInterval(orphanCheck)
    for (const [signal, forward] of listeners) process.off(signal, forward)
  }
}

function pathFolders() {
  return (process.env.PATH ?? process.env.Path ?? '').split(delimiter)
}

function withPath(folders) {
  const others = Object.entries(process.env).filter(([name]) => name.toUpperCase() !== 'PATH')
  return { ...Object.fromEntries(others), PATH: [...new Set(folders)].join(delimiter) }
}

function secondsSince(startedAt) {
  return Math.round((Date.now() - startedAt) / 1000)
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}

await main(process.argv.slice(2))
