import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { StoreError } from '@restante/maildrop'
import { Connection } from './connection.ts'
import { guarded, storeError } from './failure.ts'
import { systemFiles } from './file-layer.ts'

/** How a backup is made. */
export interface BackupOptions {
  /** Copies every segment, where otherwise sealed ones become hard links if they are on the same file system. */
  readonly copy?: boolean
  /** Takes the records of messages along, which are personal data nobody needs to restore mail. */
  readonly records?: boolean
  readonly onProgress?: (progress: BackupProgress) => void
}

/** How far a backup or a restoration is. */
export interface BackupProgress {
  readonly segments: number
  readonly ofSegments: number
}

/** What a backup holds; `restante-backup.json` in its folder, written last. */
export interface BackupReport {
  readonly format: 1
  readonly createdAtMs: number
  readonly accounts: number
  readonly messages: number
  readonly databases: readonly string[]
  readonly segments: readonly { readonly name: string; readonly octets: number }[]
  /** Segments that are hard links into the store. */
  readonly linked: number
}

/** What making a backup needs of the store. */
export interface BackupTools {
  /** The store's folder. */
  readonly directory: string
  /** New connections, so that the copying goes on beside everything else. */
  readonly connect: (name: 'index' | 'facts' | 'model') => Connection
}

const MANIFEST = 'restante-backup.json'

/**
 * Writes a whole, consistent copy of a store in use: the index as it is at one moment, then the segments it names. The
 * caller sees to it that nothing is compacted meanwhile.
 * @throws {StoreError} `busy` where the folder is not empty
 */
export async function createBackup(
  tools: BackupTools,
  target: string,
  options: BackupOptions,
): Promise<BackupReport> {
  const into = resolve(target)
  if (existsSync(into) && readdirSync(into).length > 0)
    throw new StoreError('busy', `${into} is not empty; a backup wants a folder of its own`)
  try {
    mkdirSync(join(into, 'segments'), { recursive: true, mode: 0o700 })
    const databases =
      options.records === true ? (['index', 'facts', 'model'] as const) : (['index', 'model'] as const)
    for (const name of databases) {
      const connection = tools.connect(name)
      try {
        // SQLite would make the file by the umask.
        writeFileSync(join(into, `${name}.db`), '', { flag: 'wx', mode: 0o600 })
        await connection.backup(join(into, `${name}.db`))
      } finally {
        connection.close()
      }
    }
    const index = new Connection(join(into, 'index.db'), 'FULL', 1000)
    try {
      const { segments, linked } = await takeSegments(tools.directory, into, index, options)
      const one = (sql: string): number => index.get<{ v: number }>(sql)?.v ?? 0
      const report: BackupReport = {
        format: 1,
        createdAtMs: Date.now(),
        accounts: one('SELECT count(*) AS v FROM accounts'),
        messages: one('SELECT coalesce(sum(messages), 0) AS v FROM maildrops WHERE account IS NOT NULL'),
        databases,
        segments,
        linked,
      }
      index.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      await flushFile(join(into, 'index.db'))
      systemFiles().flushDirectorySync(join(into, 'segments'))
      // A backup without it is not whole.
      writeFileSync(join(into, MANIFEST), `${JSON.stringify(report, null, 1)}\n`, { mode: 0o600 })
      await flushFile(join(into, MANIFEST))
      systemFiles().flushDirectorySync(into)
      return report
    } finally {
      index.close()
    }
  } catch (error) {
    throw storeError(error)
  }
}

async function takeSegments(
  directory: string,
  into: string,
  index: Connection,
  options: BackupOptions,
): Promise<Pick<BackupReport, 'segments' | 'linked'>> {
  const rows = index.all<{ n: number; name: string; state: number }>(
    `SELECT n, name, state FROM segments s WHERE EXISTS (SELECT 1 FROM bodies b WHERE b.segment = s.n) ORDER BY n`,
  )
  const segments: { name: string; octets: number }[] = []
  let linked = 0
  for (const { n, name, state } of rows) {
    const [from, to] = [join(directory, 'segments', name), join(into, 'segments', name)]
    // One that is still written to would go on growing behind a link.
    if (state === 1 && options.copy !== true && mayLink(from, to)) linked++
    else {
      await copyFile(from, to, constants.COPYFILE_EXCL)
      await flushFile(to)
    }
    const { size: octets } = statSync(to)
    index.run('UPDATE segments SET state = 1, octets = ? WHERE n = ?', octets, n)
    segments.push({ name, octets })
    options.onProgress?.({ segments: segments.length, ofSegments: rows.length })
  }
  // What holds no body is not in the backup: for its store these were never there.
  index.exec('DELETE FROM segments WHERE n NOT IN (SELECT segment FROM bodies)')
  return { segments, linked }
}

function mayLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch {
    return false
  }
}

async function flushFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

/**
 * What a backup's folder says it holds, compared with what is there.
 * @throws {StoreError} `corrupt`
 */
export function readBackup(from: string): BackupReport {
  const directory = resolve(from)
  const broken = (reason: string): StoreError =>
    new StoreError('corrupt', `${directory} is no whole backup: ${reason}`)
  let report: BackupReport
  try {
    report = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8')) as BackupReport
  } catch {
    throw broken(`${MANIFEST} is missing or cannot be read`)
  }
  if (report.format !== 1) throw broken(`its format ${String(report.format)} is not known to this release`)
  for (const name of report.databases) {
    if (!existsSync(join(directory, `${name}.db`))) throw broken(`${name}.db is missing`)
  }
  for (const { name, octets } of report.segments) {
    const found = statSync(join(directory, 'segments', name), { throwIfNoEntry: false })?.size
    if (found === undefined) throw broken(`segment ${name} is missing`)
    if (found < octets) throw broken(`segment ${name} has ${found} octets of ${octets}`)
  }
  return report
}

/**
 * Makes a data folder out of a backup.
 * @param directory must not exist, or be empty
 * @throws {StoreError} `busy` where it is not, `corrupt`, `disk-full`, `io`
 */
export async function restoreBackup(
  from: string,
  directory: string,
  onProgress: (progress: BackupProgress) => void = () => {},
): Promise<BackupReport> {
  const report = readBackup(from)
  const into = resolve(directory)
  if (existsSync(into) && readdirSync(into).length > 0)
    throw new StoreError('busy', `${into} is not empty; a backup is restored into a folder of its own`)
  try {
    mkdirSync(join(into, 'segments'), { recursive: true, mode: 0o700 })
    let segments = 0
    for (const { name } of report.segments) {
      await copyFile(join(resolve(from), 'segments', name), join(into, 'segments', name))
      await flushFile(join(into, 'segments', name))
      onProgress({ segments: ++segments, ofSegments: report.segments.length })
    }
    // The index last: without it there is no store.
    for (const name of [...report.databases].reverse()) {
      await copyFile(join(resolve(from), `${name}.db`), join(into, `${name}.db`))
      await flushFile(join(into, `${name}.db`))
    }
    systemFiles().flushDirectorySync(join(into, 'segments'))
    systemFiles().flushDirectorySync(into)
    return report
  } catch (error) {
    throw storeError(error)
  }
}

/**
 * A data folder that shows a backup without copying its segments, for looking at it: a temporary folder with links.
 * @throws {StoreError} `corrupt`
 */
export function unfoldBackup(from: string): { readonly directory: string; remove(): void } {
  const report = readBackup(from)
  return guarded(() => {
    const directory = mkdtempSync(join(tmpdir(), 'restante-backup-'))
    mkdirSync(join(directory, 'segments'), { mode: 0o700 })
    for (const { name } of report.segments)
      symlinkSync(join(resolve(from), 'segments', name), join(directory, 'segments', name))
    for (const name of report.databases)
      copyFileSync(join(resolve(from), `${name}.db`), join(directory, `${name}.db`))
    return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
  })
}
