// Sets the checkout up when needed, then does one thing with it.
// Plain JavaScript without dependencies, so that any Node >= 18 can run it.
//   node scripts/go.mjs setup                 install what the lockfile names
//   node scripts/go.mjs start [serve options] run the suite until a signal
//   node scripts/go.mjs test [vitest args]    build, check, lint, typecheck; then all tests (or those the args name)
//   node scripts/go.mjs turbo [turbo args]    turbo with the surroundings it needs
// Exit code of `test`: 0, or 1 = tests failed, 2 = a build step failed, 3 = both.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const windows = process.platform === 'win32'
const stampFile = join(modules, '.ready')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// npm leaks its own settings into every child; pnpm would read them as its own.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name)),
)
Object.assign(env, { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', npm_config_loglevel: 'error' })
// Types are taken off each source once, not at every start.
env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.compile-cache')

function fail(message) {
  process.stderr.write(`restante: ${message}\n`)
  process.exit(1)
}

function stamp() {
  const hash = createHash('sha256')
  hash.update(readFileSync(join(root, 'pnpm-lock.yaml')))
  return hash.update([manifest.packageManager, process.platform, process.arch].join()).digest('hex')
}

function setUp() {
  const wanted = stamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  process.stderr.write('restante: first run, installing what it needs (about half a minute)…\n')
  // Always the pnpm from outside: the one inside node_modules could purge itself half way.
  const install = [
    '--yes',
    manifest.packageManager,
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
    '--reporter=append-only',
  ]
  const done = spawnSync('npx', install, {
    cwd: root,
    env,
    shell: windows,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (done.error) fail(`npx could not be started: ${done.error.message}`)
  if (done.status !== 0) {
    process.stderr.write(done.stdout + done.stderr)
    fail('installing failed; the lines above say why. Needed: the npm registry and about 600 MB of disk.')
  }
  mkdirSync(modules, { recursive: true })
  writeFileSync(stampFile, wanted)
}

/** The Node that came from the registry, by its binary: pnpm's shim would swallow signals. */
function carriedNode() {
  return readdirSync(modules)
    .filter((name) => name.startsWith('node-'))
    .flatMap((name) => ['bin/node', 'bin/node.exe', 'node.exe'].map((file) => join(modules, name, file)))
    .find((file) => existsSync(file))
}

let told = false

/** Runs a program to its end; signals to us go to it. Answers its exit code. */
function run(command, args, { shell = false, onHangUp = 'SIGHUP' } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit', shell })
    const passOn = { SIGTERM: 'SIGTERM', SIGINT: 'SIGINT', SIGHUP: onHangUp }
    const handlers = Object.entries(passOn).map(([signal, passed]) => [
      signal,
      () => {
        told = true
        child.kill(passed)
      },
    ])
    for (const [signal, handler] of handlers) process.on(signal, handler)
    child.on('error', (error) => fail(`${command} could not be started: ${error.message}`))
    child.on('exit', (code) => {
      for (const [signal, handler] of handlers) process.off(signal, handler)
      resolve(code ?? 1)
    })
  })
}

const [command = 'start', ...rest] = process.argv.slice(2)
if (!['setup', 'start', 'test', 'turbo'].includes(command))
  fail(`unknown command ${command}; use setup, start, test or turbo`)
setUp()
const carried = carriedNode()
const node = carried ?? 'node'
const path = [...(carried ? [dirname(carried)] : []), join(modules, '.bin'), env.PATH]
env.PATH = path.join(delimiter)

const turbo = (args) => run('turbo', args, { shell: windows })

if (command === 'start') {
  // A hang-up means "read the settings again" to a service, but the end to what was tried out in a terminal.
  const onHangUp = process.stdin.isTTY ? 'SIGTERM' : 'SIGHUP'
  process.exitCode = await run(node, [join(root, 'apps/cli/src/main.ts'), 'serve', ...rest], { onHangUp })
} else if (command === 'turbo') {
  process.exitCode = await turbo(rest)
} else if (command === 'test') {
  const steps = ['build', 'check', '//#lint', '//#typecheck']
  const built = await turbo(['run', ...steps, '--continue', '--output-logs=errors-only'])
  if (told) process.exit(2)
  const tested = await run(node, [join(modules, 'vitest/vitest.mjs'), 'run', ...rest])
  if (built !== 0) process.stderr.write(`restante: of ${steps.join(', ')} something failed, see above\n`)
  process.exitCode = (tested === 0 ? 0 : 1) + (built === 0 ? 0 : 2)
}
