import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { MaildropStore } from '@restante/maildrop'
import {
  type Config,
  ConfigError,
  defaultConfig,
  parseConfig,
  selfSignedCertificate,
} from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import type { Arguments } from './arguments.ts'
import { CommandError, EXIT } from './exit.ts'

/** The config file's name where none is given. */
export const CONFIG_FILE = 'restante.yaml'

/**
 * Reads a config file; paths in it count from its own folder and come back absolute.
 * @throws {CommandError} exit 2 with every finding: file, line, key, nearest valid key
 */
export function loadConfig(file: string): Config {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError(EXIT.usage, `Cannot read ${file}: ${(error as Error).message}`)
  }
  try {
    return fromFolder(parseConfig(source, file, process.env), dirname(resolve(file)))
  } catch (error) {
    if (error instanceof ConfigError) {
      throw new CommandError(EXIT.usage, `${error.message}\nNothing was started or changed.`, {
        cause: error,
      })
    }
    throw error
  }
}

function fromFolder(config: Config, folder: string): Config {
  return {
    ...config,
    store: { ...config.store, directory: resolve(folder, config.store.directory) },
    tls: config.tls && { cert: resolve(folder, config.tls.cert), key: resolve(folder, config.tls.key) },
    log: { ...config.log, file: config.log.file && resolve(folder, config.log.file) },
  }
}

/** The settings a command works with: `--config FILE`, else ./restante.yaml if it is there, else the defaults; `--data DIR` over them. */
export function commandConfig(given: Arguments): Config {
  const file = given.text('config') ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined)
  const config = file === undefined ? fromFolder(defaultConfig(), process.cwd()) : loadConfig(file)
  const data = given.text('data')
  return data === undefined ? config : { ...config, store: { ...config.store, directory: resolve(data) } }
}

/** Opens the store of `config`, which must exist already unless `create`. */
export async function openStore(
  config: Config,
  options: { readonly create?: boolean } = {},
): Promise<LocalStore> {
  const { directory, floorOctets } = config.store
  if (!options.create && !existsSync(join(directory, 'index.db'))) {
    throw new CommandError(
      EXIT.unreachable,
      `No store at ${directory}. Name it with --data DIR, or start one with: restante serve`,
    )
  }
  return openLocalStore({ directory, floorOctets, removeAfter: config.pop3.removeAfter })
}

type LocalStore = Awaited<ReturnType<typeof openLocalStore>> & MaildropStore

/** The certificate of `config`; without one, a self-signed one made once and kept in the data folder. */
export function withCertificate(config: Config): Config {
  if (config.tls) return config
  const folder = join(config.store.directory, 'tls')
  const pair = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  if (!existsSync(pair.cert) || !existsSync(pair.key)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const names = [...new Set([config.hostname, 'localhost'])]
    const made = selfSignedCertificate([...names, '127.0.0.1', '::1'], Date.now())
    writeFileSync(pair.key, made.key, { mode: 0o600 })
    writeFileSync(pair.cert, made.cert, { mode: 0o600 })
  }
  return { ...config, tls: pair }
}
