import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Envelope } from '@restante/mail'
import { openLocalStore } from '../src/index.ts'

const directory = await mkdtemp(join(tmpdir(), 'restante-'))
await using store = await openLocalStore({ directory })
const account = (await store.directory.addAccount('anna@acme.example'))?.id ?? ''

// In: when commit has answered, the mail survives a power cut; now say 250.
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
const [outcome] = await staged.commit(envelope, [{ account, folder: 'inbox', prefix }])
console.log(outcome && 'stored' in outcome && outcome.stored.sizeOctets)

// Out: from this or any other process that has the folder open.
await using elsewhere = await openLocalStore({ directory })
const opened = await elsewhere.open({ account, folder: 'inbox', view: 'classic' })
if ('failed' in opened) throw new Error(opened.failed)
await using maildrop = opened.maildrop
console.log(Buffer.from(await maildrop.readAt(0, 0, 1_000_000)).toString())
console.log(await store.open({ account, folder: 'inbox', view: 'classic' }))

console.log((await store.verify()).problems)
