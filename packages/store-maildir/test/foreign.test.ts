import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { deviceView, type MaildropStore, QUARANTINE } from '@restante/maildrop'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMaildirStore } from '../src/index.ts'
import { parseUidl } from '../src/uidl-file.ts'
import { accountId, deliverOne, inbox, octetsOf, openMaildrop } from './deliveries.ts'
import { memoryFolder, removeFolder } from './places.ts'

let directory: string
let store: MaildropStore
let account: string
let maildir: string
const open = () => openMaildirStore({ directory, floorOctets: 0 })

beforeEach(async () => {
  directory = await memoryFolder()
  store = await open()
  account = await accountId(store)
  maildir = join(directory, 'mail/anna@acme.example/Maildir')
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  await removeFolder(directory)
})

const ADMIN = { account: null, by: 'command' }
const message = (subject: string): Uint8Array => Buffer.from(`Subject: ${subject}\r\n\r\nhi\r\n`)
/** What another program does to deliver. */
const put = (name: string, text: string, folder = ''): void => {
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, folder, part), { recursive: true })
  writeFileSync(join(maildir, folder, name), text, 'latin1')
}
const namesIn = (part: string): readonly string[] => readdirSync(join(maildir, part)).sort()
const ids = async (folder = 'inbox'): Promise<readonly string[]> => {
  await using maildrop = await openMaildrop(store, { ...inbox(account), folder })
  return maildrop.listing.ids
}
const texts = async (folder = 'inbox'): Promise<readonly string[]> => {
  await using maildrop = await openMaildrop(store, { ...inbox(account), folder })
  const found = []
  for (let i = 0; i < maildrop.listing.count; i++) {
    const octets = await maildrop.readAt(i, 0, 10_000_000)
    expect(octets.length).toBe(maildrop.listing.sizes[i])
    found.push(Buffer.from(octets).toString('latin1'))
  }
  return found
}

describe('what Restante writes', () => {
  test('a delivered file: its name, octets, time and rights', async () => {
    const staged = await store.stage(Buffer.from('Subject: x\n\n.dot\n'))
    const envelope = { receivedAtMs: 1_700_000_000_000 } as Parameters<typeof staged.commit>[0]
    const prefix = Buffer.from('Return-Path: <>\r\n')
    await staged.commit(envelope, [{ account, folder: 'inbox', prefix }])
    const [name] = namesIn('new') as [string]
    expect(name).toMatch(/^\d{10}\.[0-9A-Z]{26}\.[^,:/]+,S=37,W=37$/)
    expect(readFileSync(join(maildir, 'new', name), 'latin1')).toBe(
      'Return-Path: <>\r\nSubject: x\r\n\r\n.dot\r\n',
    )
    const { mode, mtimeMs } = statSync(join(maildir, 'new', name))
    expect([mode & 0o777, mtimeMs]).toEqual([0o600, 1_700_000_000_000])
    expect(namesIn('tmp')).toEqual([])
  })

  test('one file for recipients with the same text, own files for the others', async () => {
    const bert = await accountId(store, 'bert@acme.example')
    const carl = await accountId(store, 'carl@acme.example')
    const staged = await store.stage(message('shared'))
    const envelope = { receivedAtMs: 1 } as Parameters<typeof staged.commit>[0]
    await staged.commit(envelope, [
      { account, folder: 'inbox', prefix: Buffer.from('') },
      { account: bert, folder: 'inbox', prefix: Buffer.from('') },
      { account: carl, folder: 'inbox', prefix: Buffer.from('A: b\r\n') },
    ])
    const links = ['anna', 'bert', 'carl'].map((who) => {
      const folder = join(directory, 'mail', `${who}@acme.example`, 'Maildir/new')
      return statSync(join(folder, readdirSync(folder)[0] as string)).nlink
    })
    expect(links).toEqual([2, 2, 1])
  })

  test('folders as Maildir++ has them; the trash is beside the Maildir', async () => {
    await deliverOne(store, account, message('1'), 'lists')
    await deliverOne(store, account, message('2'), 'büro.ost')
    const id = await deliverOne(store, account, message('3'))
    await store.discard(id, ADMIN)
    expect(readdirSync(maildir).filter((name) => name.startsWith('.'))).toEqual(['.b&APw-ro.ost', '.lists'])
    expect(readdirSync(join(maildir, '.lists')).sort()).toEqual(['cur', 'maildirfolder', 'new', 'tmp'])
    expect(readdirSync(join(maildir, '../.restante-trash'))).toHaveLength(1)
    expect(namesIn('new')).toEqual([])
  })

  test('restante-uidl: one line a message', async () => {
    const id = await deliverOne(store, account, message('mine'))
    put('new/1.theirs', 'Subject: theirs\n\n.x\n')
    const listed = await ids()
    const entries = parseUidl(readFileSync(join(maildir, 'restante-uidl'), 'utf8'))
    expect([...entries.values()]).toEqual([
      { id, form: { sizeOctets: 21, bodyOffset: 17, needsStuffing: false }, rawOctets: 21 },
      { id: listed[1], form: { sizeOctets: 23, bodyOffset: 19, needsStuffing: true }, rawOctets: 20 },
    ])
    expect([...entries.keys()][1]).toBe('1.theirs')
  })
})

describe('what other programs do', () => {
  test('new files appear, in order of their time, with exact sizes and stable ids', async () => {
    put('new/2.b', 'Subject: b\n\nx\n')
    put('cur/1.a:2,S', 'Subject: a\r\n\r\ny')
    put('new/3.empty', '')
    utimesSync(join(maildir, 'new/2.b'), 2000, 2000)
    utimesSync(join(maildir, 'cur/1.a:2,S'), 1000, 1000)
    utimesSync(join(maildir, 'new/3.empty'), 3000, 3000)
    expect(await texts()).toEqual(['Subject: a\r\n\r\ny\r\n', 'Subject: b\r\n\r\nx\r\n', ''])
    const before = await ids()
    expect(await ids()).toEqual(before)
    const copies = []
    for await (const { arrivedAtMs } of store.copies(account)) copies.push(arrivedAtMs)
    expect(copies).toEqual([1_000_000, 2_000_000, 3_000_000])
    expect((await store.directory.usage(account)).messages).toBe(3)
  })

  test('flags change, and messages move from new to cur: nothing changes here', async () => {
    const id = await deliverOne(store, account, message('mine'))
    put('new/1.theirs', 'Subject: theirs\n\n')
    const before = await ids()
    await using session = await openMaildrop(store, { ...inbox(account), view: deviceView('phone') })
    const [mine] = namesIn('new').filter((name) => name.includes(id)) as [string]
    renameSync(join(maildir, 'new', mine), join(maildir, 'cur', `${mine}:2,FRS`))
    renameSync(join(maildir, 'new/1.theirs'), join(maildir, 'cur/1.theirs:2,'))
    expect(Buffer.from(await session.readAt(0, 0, 99))).toEqual(Buffer.from(message('mine')))
    expect(await ids()).toEqual(before)
    renameSync(join(maildir, 'cur/1.theirs:2,'), join(maildir, 'cur/1.theirs:2,DT'))
    expect(await texts()).toEqual([Buffer.from(message('mine')).toString(), 'Subject: theirs\r\n\r\n'])
    expect(await store.discard(id, ADMIN)).toBe(true)
    expect(namesIn('cur')).toEqual(['1.theirs:2,DT'])
    expect(await store.undelete(id, ADMIN)).toHaveProperty('restored')
    expect(namesIn('new')).toHaveLength(1)
  })

  test('files vanish: so do their messages, from lists, finds, reads and quotas', async () => {
    const gone = await deliverOne(store, account, message('gone'))
    const kept = await deliverOne(store, account, message('kept'))
    await store.directory.changeAccount(account, { quotaMessages: 2 })
    await using session = await openMaildrop(store, inbox(account))
    rmSync(join(maildir, 'new', namesIn('new').find((name) => name.includes(gone)) as string))
    expect(() => session.readAt(0, 0, 10)).toThrow(/another program/)
    expect(await session.commit([0]), 'what is gone counts as deleted').toEqual({ ok: true })
    await session[Symbol.asyncDispose]()
    expect(await store.find(gone)).toBeNull()
    expect(await octetsOf(store, gone)).toBeNull()
    expect(await store.discard(gone, ADMIN)).toBe(false)
    expect(await ids()).toEqual([kept])
    expect(await deliverOne(store, account, message('room again'))).toBeTruthy()
  })

  test('a full account has room once another program deleted something', async () => {
    await deliverOne(store, account, message('1'))
    await store.directory.changeAccount(account, { quotaMessages: 1 })
    rmSync(join(maildir, 'new', namesIn('new')[0] as string))
    expect(await deliverOne(store, account, message('2'))).toBeTruthy()
  })

  test('mail put into the quarantine is held, and can be released', async () => {
    put('cur/5.x:2,S', 'Subject: moved here\n\n', '.Quarantine')
    const [id] = (await ids(QUARANTINE)) as [string]
    expect(await store.find(id)).toMatchObject({ hold: { class: 'policy', expiresAtMs: null } })
    expect(await store.release(id, ADMIN)).toHaveProperty('released')
    expect(await texts()).toEqual(['Subject: moved here\r\n\r\n'])
    expect(readdirSync(join(maildir, '.Quarantine/cur'))).toEqual([])
  })

  test('folders with names of ours are folders, others are left alone', async () => {
    put('new/1.x', 'Subject: x\n\n', '.b&APw-ro')
    put('new/1.y', 'Subject: y\n\n', '.Sent')
    put('new/1.z', 'Subject: z\n\n', '.inbox')
    const folders = []
    for await (const { folder } of store.copies(account)) folders.push(folder)
    expect(folders).toEqual(['büro'])
  })

  test('what is no message is left alone: folders, links, dot files, names of lines', async () => {
    writeFileSync(join(directory, 'secret'), 'secret')
    put('new/.hidden', 'x')
    put('new/two\nlines', 'x')
    mkdirSync(join(maildir, 'new/folder'))
    symlinkSync(join(directory, 'secret'), join(maildir, 'new/link'))
    symlinkSync('/nowhere', join(maildir, 'new/broken'))
    expect(await ids()).toEqual([])
    expect(await ids()).toEqual([])
  })

  test('a large file with LF line ends is read in stored form, at any place', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i}`)
    put('new/1.large', `Subject: large\n\n${lines.join('\n')}\n`)
    const expected = `Subject: large\r\n\r\n${lines.join('\r\n')}\r\n`
    expect(await texts()).toEqual([expected])
    await using maildrop = await openMaildrop(store, inbox(account))
    for (const at of [0, 17, 300_001, expected.length - 3, expected.length]) {
      expect(Buffer.from(await maildrop.readAt(0, at, 50)).toString()).toBe(expected.slice(at, at + 50))
    }
    expect(readdirSync(join(directory, 'staging'))).toEqual([])
  })

  test('a message whose octets were changed in place is refused, not shown wrong', async () => {
    const id = await deliverOne(store, account, message('x'))
    writeFileSync(join(maildir, 'new', namesIn('new')[0] as string), 'shorter')
    await expect(octetsOf(store, id)).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('deletes do not come back by a hard link under the old name', async () => {
    const id = await deliverOne(store, account, message('x'))
    const [name] = namesIn('new') as [string]
    await store.discard(id, ADMIN)
    linkSync(join(maildir, '../.restante-trash', name), join(maildir, 'new', name))
    const [again] = (await ids()) as [string]
    expect(again, 'a file put back is a new message').not.toBe(id)
    expect(await store.undelete(id, ADMIN)).toHaveProperty('restored')
    expect(await ids()).toHaveLength(2)
  })
})

describe('without the database', () => {
  test('restante-uidl keeps every id, of ours, imported and foreign, and the order', async () => {
    await deliverOne(store, account, message('1'))
    const staged = await store.stage(message('2'))
    const envelope = { receivedAtMs: 5 } as Parameters<typeof staged.commit>[0]
    await staged.commit(envelope, [
      { account, folder: 'inbox', prefix: new Uint8Array(0), id: '!"#~/UIDL.0000001' },
    ])
    put('new/1.theirs', 'Subject: 3\n\n')
    const before = await ids()
    const shown = await texts()
    await deliverOne(store, account, message('4, after the list was written'))
    const late = namesIn('new')
    await store[Symbol.asyncDispose]()
    for (const name of readdirSync(directory))
      if (name.startsWith('restante.db')) rmSync(join(directory, name))
    store = await open()
    account = await accountId(store)
    const after = await ids()
    expect(after.slice(0, 3)).toEqual(before)
    expect(
      late.some((name) => name.includes(after[3] as string)),
      'its id is in its name',
    ).toBe(true)
    expect((await texts()).slice(0, 3)).toEqual(shown)
  })
})

test('what a caller hands over in Buffers may be written to afterwards', async () => {
  const buffer = Buffer.alloc(40)
  const chunks = async function* () {
    for (const text of ['Subject: one\r\n', '\r\n', 'first\r\n', 'second\r\n']) {
      yield buffer.subarray(0, buffer.write(text))
      buffer.fill(0x23)
    }
  }
  const staged = await store.stage(chunks())
  const prefix = Buffer.from('A: b\r\n')
  const envelope = { receivedAtMs: 1 } as Parameters<typeof staged.commit>[0]
  const commit = staged.commit(envelope, [{ account, folder: 'inbox', prefix }])
  prefix.fill(0x23)
  await commit
  expect(await texts()).toEqual(['A: b\r\nSubject: one\r\n\r\nfirst\r\nsecond\r\n'])
})
