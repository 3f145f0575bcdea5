import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  build,
  cleanEnvironment,
  findCheckout,
  installTarballs,
  pack,
  publishedParts,
  registryTrouble,
  type Tarball,
} from '../src/tarballs.ts'
import { talkTo } from './dialogue.ts'

const run = promisify(execFile)
const checkout = findCheckout(import.meta.dirname)
const parts = publishedParts(checkout).map((folder) => folder.slice(checkout.length + 1))
const place = mkdtempSync(join(tmpdir(), 'restante-pack-'))
const tarballs = new Map<string, Tarball>()

function tarballOf(part: string): Tarball {
  const tarball = tarballs.get(part)
  if (tarball === undefined) throw new Error(`${part} was not packed`)
  return tarball
}

beforeAll(async () => {
  await build(checkout)
  const waiting = [...parts]
  const packNext = async (): Promise<void> => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift())
      tarballs.set(part, await pack(checkout, join(checkout, part), place))
  }
  await Promise.all([packNext(), packNext()])
})

afterAll(() => rmSync(place, { recursive: true, force: true }))

describe('a tarball', () => {
  test.each(parts)('of %s holds what its manifest names, its licence, and no workshop', (part) => {
    const { manifest, paths } = tarballOf(part)
    const named = [
      'LICENSE',
      ...Object.values(manifest.exports ?? {}).flatMap((each) => [each.types, each.default]),
      ...Object.values(manifest.bin ?? {}),
    ].map((path) => path.replace(/^\.\//, ''))
    expect(named.filter((path) => !paths.includes(path))).toEqual([])
    expect(paths.filter((path) => /^test\/|tsbuildinfo|tsconfig|node_modules/.test(path))).toEqual([])
  })

  test.each(parts)('of %s maps its code to sources that it holds', (part) => {
    const { paths } = tarballOf(part)
    const maps = paths.filter((path) => path.endsWith('.js.map'))
    expect(maps).not.toEqual([])
    const sources = maps.map((path) => path.replace(/^dist\//, 'src/').replace(/\.js\.map$/, '.ts'))
    expect(sources.filter((path) => !paths.includes(path))).toEqual([])
  })

  test.each(parts)('of %s exports built code only and depends on exact versions', (part) => {
    const { manifest } = tarballOf(part)
    for (const target of Object.values(manifest.exports ?? {}))
      expect(Object.values(target)).toEqual([
        expect.stringMatching(/^\.\/dist\/.+\.d\.ts$/),
        expect.stringMatching(/^\.\/dist\/.+\.js$/),
      ])
    for (const [name, version] of Object.entries(manifest.dependencies ?? {}))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+/)
  })
})

const trouble = await registryTrouble(checkout)
const note = trouble === null ? '' : ` (skipped: the npm registry cannot be reached: ${trouble})`

describe.skipIf(trouble !== null && !process.env['CI'])(`installed in an empty folder${note}`, () => {
  const home = join(place, 'installed')
  const libraries = parts.filter((part) => part.startsWith('packages/'))

  beforeAll(async () => {
    mkdirSync(home)
    await installTarballs(checkout, [...tarballs.values()], home)
    copyFileSync(join(import.meta.dirname, 'loading.mjs'), join(home, 'loading.mjs'))
  })

  test.each(libraries)('%s loads without a word and without a crowd', async (part) => {
    const result = join(home, `${part.replace('/', '-')}.json`)
    const loaded = await run(process.execPath, ['loading.mjs', result, tarballOf(part).manifest.name], {
      cwd: home,
      env: cleanEnvironment(),
      timeout: 60_000,
    })
    expect(loaded).toEqual({ stdout: '', stderr: '' })
    const { files, exported } = JSON.parse(readFileSync(result, 'utf8')) as {
      files: number
      exported: string[]
    }
    expect(exported).not.toEqual([])
    // The front door of natural alone, which nobody must take, is more than a thousand.
    expect(files).toBeLessThan(300)
  })

  test('the deep look at a message has its worker', async () => {
    const script = `
import { lookDeep } from '@restante/message'
const mail = 'Subject: post\\r\\nContent-Type: text/plain\\r\\n\\r\\nfrom far away\\r\\n'
console.log(JSON.stringify(await lookDeep(new TextEncoder().encode(mail), { deadlineMs: 30000 })))`
    writeFileSync(join(home, 'deep.mjs'), script)
    const looked = await run(process.execPath, ['deep.mjs'], { cwd: home, env: cleanEnvironment() })
    expect(looked.stderr).toBe('')
    expect(JSON.parse(looked.stdout)).toMatchObject({ text: expect.stringContaining('from far away') })
  })

  test('restante dev takes a message, judges it, hands it out, and ends cleanly', async () => {
    const child = spawn(
      join(home, 'node_modules/.bin/restante'),
      ['dev', '--json', '--account', 'anna@acme.example:pass word'],
      { cwd: home, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const ended = endOf(child)
    try {
      const ready = await firstLine(child)
      expect(ready).toMatchObject({ event: 'ready' })
      const smtp = talkTo(ready['smtp'] as number)
      await smtp.say(null, /^220 /)
      await smtp.say('EHLO peer.example', /^250 /)
      await smtp.say('MAIL FROM:<ben@peer.example>', /^250 /)
      await smtp.say('RCPT TO:<anna@acme.example>', /^250 /)
      await smtp.say('DATA', /^354 /)
      const mail = ['From: ben@peer.example', 'Subject: What ships', '', 'arrives', '.']
      await smtp.say(mail.join('\r\n'), /^250 /)
      await smtp.say('QUIT', /^221 /)
      smtp.end()

      const pop3 = talkTo(ready['pop3'] as number)
      await pop3.say(null, /^\+OK/)
      await pop3.say('USER anna@acme.example', /^\+OK/)
      await pop3.say('PASS pass word', /^\+OK/)
      await pop3.say('STAT', /^\+OK 1 /)
      const lines = await pop3.say('RETR 1', /^\.$/)
      await pop3.say('QUIT', /^\+OK/)
      pop3.end()
      expect(lines).toEqual(
        expect.arrayContaining(['Return-Path: <ben@peer.example>', 'Subject: What ships', 'arrives']),
      )
      expect(lines.find((line) => line.startsWith('X-Spam-Score:'))).toMatch(/^X-Spam-Score: -?\d/)
    } finally {
      child.kill('SIGTERM')
    }
    // The judge's worker answered: otherwise the log says so, and the mail goes on unjudged.
    expect(await ended).toMatchObject({
      code: 0,
      signal: null,
      said: expect.not.stringContaining('not-judged'),
    })
  })
})

async function firstLine(child: ChildProcess): Promise<Record<string, unknown>> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    return JSON.parse(line) as Record<string, unknown>
  throw new Error('restante dev ended without a word')
}

function endOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null; said: string }> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, said }))
  })
}
