import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { debianPackages } from './debian-packages.ts'
import { PeerMissingError } from './error.ts'

/** A peer that is here. */
export interface FoundPeer {
  readonly name: string
  /** The program's absolute path; for a Perl module, the path of perl. */
  readonly path: string
  readonly missing: false
  /** Empty: for the end of a test's name, like the reason of a missing peer. */
  readonly note: ''
}

/** A peer that is not here. */
export interface MissingPeer {
  readonly name: string
  readonly path: null
  readonly missing: true
  /** ` (skipped: …)`, with what to install: for the end of a test's name. */
  readonly note: string
}

/** A program of others, or why it cannot be used. */
export type Peer = FoundPeer | MissingPeer

/** Where Debian keeps servers; not on every PATH. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/dovecot']

function onPath(program: string, path: string): string | null {
  for (const folder of [...path.split(delimiter), ...SERVER_FOLDERS]) {
    if (!folder.startsWith('/')) continue
    const file = join(folder, program)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not in this folder.
    }
  }
  return null
}

function locate(name: string, path: string): string | null {
  if (!name.includes('::')) return onPath(name, path)
  const perl = onPath('perl', path)
  if (perl === null) return null
  const tried = spawnSync(perl, [`-M${name}`, '-e', '1'], { stdio: 'ignore', timeout: 20_000 })
  return tried.status === 0 ? perl : null
}

/**
 * Looks for a peer: a program on PATH or where Debian keeps servers, or a Perl module (`Net::SSLeay`).
 * Throws an Error for a name that `debian-packages.txt` does not have: `.ci/run` would not install it.
 */
export function findPeer(name: string, env: NodeJS.ProcessEnv = process.env): Peer {
  const wanted = debianPackages().find((each) => each.peer === name)
  if (wanted === undefined)
    throw new Error(`${name} is not in tools/peers/debian-packages.txt; add it there, with what it is for`)
  const path = locate(name, env['PATH'] ?? '')
  if (path !== null) return { name, path, missing: false, note: '' }
  const note = ` (skipped: no ${name} here; apt-get install ${wanted.package})`
  return { name, path, missing: true, note }
}

/**
 * Like `findPeer`, but throws PeerMissingError for a missing peer when the environment has `RESTANTE_PEERS=required`.
 * Called at the top of a test file, that fails the file.
 */
export function requirePeer(name: string, env: NodeJS.ProcessEnv = process.env): Peer {
  const peer = findPeer(name, env)
  if (peer.missing && env['RESTANTE_PEERS'] === 'required')
    throw new PeerMissingError(
      `RESTANTE_PEERS=required, but${peer.note.replace(/^ \(skipped: (.*)\)$/, ' there is $1')}`,
    )
  return peer
}
