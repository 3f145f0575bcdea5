import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { MaildropStore } from '@restante/maildrop'
import { requirePeer, runPeer } from '@restante/peers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMaildirStore } from '../src/index.ts'
import { accountId, deliverOne, envelope, inbox, openMaildrop } from './deliveries.ts'
import { connectImap, type ImapSession, startDovecot } from './dovecot.ts'
import { actAsMailOwner, actAsTester } from './mail-owner.ts'
import { memoryFolder, removeFolder } from './places.ts'

const dovecot = [requirePeer('dovecot'), requirePeer('imap-login')].find((peer) => peer.missing)
const mutt = [requirePeer('mutt'), requirePeer('script')].find((peer) => peer.missing)

const ANNA = 'anna@acme.example'
const ADMIN = { account: null, by: 'command' }

let directory: string
let store: MaildropStore
let account: string

beforeEach(async () => {
  directory = await memoryFolder()
  actAsMailOwner(directory)
  store = await openMaildirStore({ directory, floorOctets: 0 })
  account = await accountId(store)
})
afterEach(async () => {
  actAsTester()
  await store[Symbol.asyncDispose]()
  await removeFolder(directory)
})

const message = (subject: string, text = 'hi'): string =>
  `From: bob@sender.example\r\nSubject: ${subject}\r\n\r\n${text}\r\n`
const octets = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const deliver = (text: string, folder?: string) => deliverOne(store, account, octets(text), folder)

/** The messages of a folder as POP3 would give them, by subject; each with its id and text. */
async function seen(
  folder = 'inbox',
): Promise<Record<string, { readonly id: string; readonly text: string }>> {
  await using maildrop = await openMaildrop(store, { ...inbox(account), folder })
  const { listing } = maildrop
  const found: Record<string, { id: string; text: string }> = {}
  for (let i = 0; i < listing.count; i++) {
    const text = Buffer.from(await maildrop.readAt(i, 0, 1_000_000)).toString('latin1')
    expect(text.length).toBe(listing.sizes[i])
    found[subjectOf(text)] = { id: listing.ids[i] as string, text }
  }
  return found
}

function subjectOf(text: string): string {
  return /^Subject: (.*?)\r?$/m.exec(text)?.[1] ?? ''
}

/** The same as IMAP gives them. */
async function fetched(
  imap: ImapSession,
): Promise<Record<string, { readonly size: number; readonly text: string }>> {
  const answer = await imap.ask('FETCH 1:* (RFC822.SIZE BODY.PEEK[])')
  const found: Record<string, { size: number; text: string }> = {}
  for (const match of answer.matchAll(/^\* \d+ FETCH \(.*?RFC822\.SIZE (\d+).*?BODY\[\] \{(\d+)\}\r\n/gm)) {
    const from = match.index + match[0].length
    const text = answer.slice(from, from + Number(match[2]))
    found[subjectOf(text)] = { size: Number(match[1]), text }
  }
  return found
}

describe.skipIf(dovecot)(`Dovecot on the same Maildirs${dovecot?.note ?? ''}`, () => {
  test('shows the same folders, sizes, octets and times', async () => {
    const staged = await store.stage(octets(message('one', '.dot\r\nümläut')))
    const prefix = octets('Return-Path: <bob@sender.example>\r\n')
    await staged.commit(envelope(Date.UTC(2026, 0, 2, 3, 4, 5)), [{ account, folder: 'inbox', prefix }])
    await deliver(message('two', 'x'.repeat(100_000)))
    await deliver(message('three'), 'büro')
    const held = await store.stage(octets(message('four')))
    await held.commit(envelope(), [
      {
        account,
        folder: 'quarantine',
        prefix: new Uint8Array(0),
        hold: { class: 'spam', reason: 'It looks like spam.', expiresAtMs: null },
      },
    ])
    await store.discard(await deliver(message('removed')), ADMIN)

    const imap = await connectImap(await startDovecot(directory, [ANNA]), ANNA)
    const list = await imap.ask('LIST "" "*"')
    const names = [...list.matchAll(/^\* LIST \(.*?\) "." (\S+)\r$/gm)].map(([, name]) => name)
    expect(names.sort()).toEqual(['INBOX', 'Quarantine', 'b&APw-ro'])
    expect(await imap.ask('SELECT INBOX')).toContain('* 2 EXISTS')
    const theirs = await fetched(imap)
    for (const [subject, { text }] of Object.entries(await seen())) {
      expect(theirs[subject]).toEqual({ size: text.length, text })
    }
    expect(Object.keys(theirs)).toEqual(['one', 'two'])
    expect(await imap.ask('FETCH 1 INTERNALDATE')).toMatch(/"02-Jan-2026 0[0-9]:04:05/)
    expect(await imap.ask('SELECT Quarantine')).toContain('* 1 EXISTS')
    expect(await imap.ask('SELECT b&APw-ro')).toContain('* 1 EXISTS')
  })

  test('flags, moves, appends and expunges; ids and sizes here stay right', async () => {
    for (const subject of ['one', 'two', 'three', 'four']) await deliver(message(subject))
    const before = await seen()
    const imap = await connectImap(await startDovecot(directory, [ANNA]), ANNA)
    await imap.ask('SELECT INBOX')
    await imap.ask('STORE 1:2 +FLAGS (\\Seen \\Flagged)')
    expect(await seen(), 'flags change nothing').toEqual(before)

    await store.discard((before['three'] as { id: string }).id, ADMIN)
    expect(await imap.ask('NOOP'), 'what is deleted here is expunged there').toContain('* 3 EXPUNGE')
    await imap.ask('STORE 1 +FLAGS (\\Deleted)')
    await imap.ask('EXPUNGE')
    expect(Object.keys(await seen()), 'what is expunged there is gone here').toEqual(['two', 'four'])

    const mine = 'Subject: mine\n\nwith LF\n'
    await imap.ask(`APPEND INBOX (\\Seen) {${mine.length}}\0${mine}`)
    const after = await seen()
    expect(after).toMatchObject({ two: before['two'], four: before['four'] })
    expect(after['mine']?.text).toBe('Subject: mine\r\n\r\nwith LF\r\n')
    await imap.ask('NOOP')
    const number = /^\* SEARCH (\d+)\r$/m.exec(await imap.ask('SEARCH SUBJECT mine'))?.[1]
    await imap.ask(`STORE ${number} +FLAGS (\\Answered)`)
    expect((await seen())['mine'], 'its id stays').toEqual(after['mine'])

    await imap.ask('CREATE lists')
    await imap.ask(`MOVE ${number} lists`)
    expect(Object.keys(await seen())).toEqual(['two', 'four'])
    const [id] = Object.values(await seen('lists')).map((each) => each.id) as [string]
    expect(await store.move(id, 'inbox', ADMIN)).toHaveProperty('moved')
    await imap.ask('NOOP')
    expect(Object.keys(await fetched(imap))).toEqual(['two', 'four', 'mine'])
  })

  test('both work on one inbox at the same time, and agree in the end', async () => {
    const imap = await connectImap(await startDovecot(directory, [ANNA]), ANNA)
    await imap.ask('SELECT INBOX')
    const ids = new Map<string, string>()
    const deleted = new Set<string>()
    let busy = true
    const delivering = async (): Promise<void> => {
      for (let i = 0; i < 60; i++) ids.set(`n${i}`, await deliver(message(`n${i}`, 'y'.repeat(i * 100))))
    }
    const deleting = async (): Promise<void> => {
      while (busy) {
        await using maildrop = await openMaildrop(store, inbox(account))
        const { count } = maildrop.listing
        if (count > 10) {
          for (const i of [0, 4]) {
            const octets = await Promise.resolve(maildrop.readAt(i, 0, 10_000)).catch(() => new Uint8Array(0))
            deleted.add(subjectOf(Buffer.from(octets).toString('latin1')))
          }
          expect(await maildrop.commit([0, 4])).toEqual({ ok: true })
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const flagging = async (): Promise<void> => {
      for (let i = 0; busy || i < 5; i++) {
        await imap.ask('NOOP')
        // A message that went meanwhile makes it answer NO; that is IMAP's way.
        await imap.ask(`STORE 1:* ${i % 2 ? '+' : '-'}FLAGS.SILENT (\\Seen)`).catch(() => '')
      }
    }
    const others = [deleting(), flagging()]
    await delivering()
    busy = false
    await Promise.all(others)
    await imap.ask('NOOP')
    const [ours, theirs] = [await seen(), await fetched(imap)]
    expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort())
    for (const [subject, { id, text }] of Object.entries(ours)) {
      expect(id, `${subject} kept its id`).toBe(ids.get(subject))
      expect(theirs[subject]?.text).toBe(text)
    }
    expect([...ids.keys()].filter((subject) => !(subject in ours)).sort()).toEqual([...deleted].sort())
    expect(deleted.size).toBeGreaterThan(0)
  })
})

describe.skipIf(mutt)(`mutt on the same Maildirs${mutt?.note ?? ''}`, () => {
  /** Runs mutt in a terminal, types keys, and waits for its end. */
  async function typed(keys: string, folder = ''): Promise<void> {
    const home = join(directory, 'mutt')
    await mkdir(home, { recursive: true })
    writeFileSync(
      join(home, 'muttrc'),
      `set folder=${home}\nset mbox_type=Maildir\nset confirmappend=no\nset delete=yes\nset move=no\nset quit=yes\nset wait_key=no\nset mark_old=no
set sort=mailbox-order\npush "${keys}"\n`,
    )
    const maildir = join(directory, 'mail', ANNA, 'Maildir', folder)
    // Root may read nobody's mail, and a program that changes its user does as it likes.
    actAsTester()
    const command = `mutt -n -F '${home}/muttrc' -f '${maildir}'`
    const done = await runPeer('script', ['-qec', command, '/dev/null'], {
      env: { HOME: home, TERM: 'xterm' },
      timeoutMs: 20_000,
    })
    expect(done.exitCode, done.text).toBe(0)
  }

  test('reads what was delivered, marks it, deletes, saves; ids here stay', async () => {
    for (const subject of ['one', 'two', 'three']) await deliver(message(subject))
    await deliver(message('listed'), 'lists')
    const before = await seen()
    const out = join(directory, 'out')
    await typed(`<last-entry><pipe-message>cat > ${out}<enter><next-entry><sync-mailbox><quit>`)
    expect(readFileSync(out, 'latin1')).toContain('Subject: three\r\n')
    expect(await seen(), 'reading changes nothing').toEqual(before)

    await typed('<flag-message><delete-pattern>~s two<enter><sync-mailbox><quit>')
    const { two: _, ...left } = before
    expect(await seen()).toEqual(left)

    const inboxFolder = join(directory, 'mail', ANNA, 'Maildir')
    await typed(`<copy-message>${inboxFolder}<enter><quit>`, '.lists')
    const after = await seen()
    expect(after).toMatchObject(left)
    expect(after['listed']?.text).toContain('Subject: listed\r\n')
    expect(after['listed']?.id).not.toBe((await seen('lists'))['listed']?.id)
  })

  test('deletes while Restante delivers and deletes', async () => {
    for (let i = 0; i < 20; i++) await deliver(message(`old ${i % 2 ? 'odd' : 'even'} ${i}`))
    const ids = new Map(Object.entries(await seen()).map(([subject, { id }]) => [subject, id]))
    const deleting = typed('<delete-pattern>~s even<enter><sync-mailbox><quit>')
    for (let i = 0; i < 30; i++) ids.set(`new ${i}`, await deliver(message(`new ${i}`)))
    for (const subject of ['old odd 1', 'old odd 3', 'new 0'])
      await store.discard(ids.get(subject) as string, ADMIN)
    await deleting
    const left = await seen()
    const expected = [...ids.keys()].filter((subject) => !/even|^old odd [13]$|^new 0$/.test(subject))
    expect(Object.keys(left).sort()).toEqual(expected.sort())
    for (const [subject, { id }] of Object.entries(left)) expect(id).toBe(ids.get(subject))
  })
})
