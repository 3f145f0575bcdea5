// Sets the project up when needed, then runs one of its two commands.
// Plain JavaScript without dependencies, so that any Node >= 18 can run it.
//   node scripts/go.mjs setup | start [args] | test [vitest args]
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const shell = process.platform === 'win32'
const stampFile = join(root, 'node_modules', '.ready')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// npm leaks its own settings into every child; pnpm would read them as its own.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/i.test(name)),
)
Object.assign(env, {
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  NPM_CONFIG_LOGLEVEL: 'error',
  npm_config_loglevel: 'error',
})

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, env, stdio: 'inherit', shell, ...options })
  if (done.error) fail(`${command} could not be started: ${done.error.message}`)
  return done.status ?? 1
}

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
    shell,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (done.error) fail(`npx could not be started: ${done.error.message}`)
  if (done.status !== 0) {
    process.stderr.write(done.stdout + done.stderr)
    fail('installing failed; the lines above say why. Needed: the npm registry and about 600 MB of disk.')
  }
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, wanted)
}

const [command = 'start', ...rest] = process.argv.slice(2)
setUp()
// The Node that came from the registry, by its binary: pnpm's shim would swallow signals.
const carried = readdirSync(join(root, 'node_modules'))
  .filter((name) => name.startsWith('node-'))
  .flatMap((name) =>
    ['bin/node', 'bin/node.exe', 'node.exe'].map((file) => join(root, 'node_modules', name, file)),
  )
  .find((file) => existsSync(file))
const node = carried ?? 'node'
env.PATH = [...(carried ? [dirname(carried)] : []), join(root, 'node_modules', '.bin'), env.PATH].join(
  delimiter,
)

if (command === 'start') {
  const child = spawn(node, [join(root, 'apps/cli/src/main.ts'), 'serve', ...rest], {
    cwd: root,
    env,
    stdio: 'inherit',
    shell,
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
} else if (command === 'test') {
  const checked = run('turbo', [
    'run',
    'build',
    'check',
    '//#lint',
    '//#typecheck',
    '--output-logs=errors-only',
  ])
  if (checked !== 0) process.exit(checked)
  process.exit(run(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...rest]))
} else if (command !== 'setup') {
  fail(`unknown command ${command}; use setup, start or test`)
}
