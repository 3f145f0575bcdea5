import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Envelope } from '@restante/mail'
import { openMaildirStore } from '../src/index.ts'

const directory = await mkdtemp(join(tmpdir(), 'restante-'))
await using store = await openMaildirStore({ directory, floorOctets: 0 })
const account = (await store.directory.addAccount('anna@acme.example'))?.id ?? ''
const maildir = join(directory, 'mail/anna@acme.example/Maildir')

// In: when commit has answered, there is a file in `new` that survives a power cut; now say 250.
const envelope: Envelope = {
  reversePath: { localPart: 'bob', domain: 'sender.example' },
  recipients: [{ localPart: 'anna', domain: 'acme.example' }],
  clientIp: '192.0.2.1',
  helo: 'sender.example',
  receivedAtMs: Date.now(),
  protocol: 'ESMTP',
  tls: null,
  authenticatedAs: null,
  sessionId: 's1',
}
const staged = await store.stage(Buffer.from('Subject: hello\n\nHi Anna\n'))
const prefix = Buffer.from('Return-Path: <bob@sender.example>\r\n')
await staged.commit(envelope, [{ account, folder: 'inbox', prefix }])
console.log((await readdir(join(maildir, 'new'))).length)

// Another program puts a file beside it, with the line ends it likes.
await writeFile(join(maildir, 'new', '1700000000.M1P2.host'), 'Subject: from mutt\n\nHi\n')

// Out: both are there, each with a unique-id that stays and its exact size.
const opened = await store.open({ account, folder: 'inbox', view: 'classic' })
if ('failed' in opened) throw new Error(opened.failed)
await using maildrop = opened.maildrop
console.log(maildrop.listing.count, Array.from(maildrop.listing.sizes))
console.log(Buffer.from(await maildrop.readAt(1, 0, 1000)).toString())

// DELE and QUIT: the file is gone for everyone, and can come back for 7 days.
await maildrop.commit([0])
console.log((await readdir(join(maildir, 'new'))).length)
