import { type Envelope, latin1Octets, latin1Text } from '@restante/mail'
import { deviceView, INBOX, memoryStore } from '../src/index.ts'

await using store = memoryStore({ 'anna@acme.example': ['Subject: one\r\n\r\nfirst\r\n'] })
const account = (await store.directory.accountByAddress('anna@acme.example'))?.id ?? ''

// In: stage the octets, judge them, commit a copy for each recipient.
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
await using staged = await store.stage(latin1Octets('Subject: two\n\nsecond\n'))
const prefix = latin1Octets('Return-Path: <bob@sender.example>\r\n')
await staged.commit(envelope, [{ account, folder: INBOX, prefix }])

// Out: a session is a folder through a view, frozen while it is open.
const opened = await store.open({ account, folder: INBOX, view: deviceView('phone') })
if ('failed' in opened) throw new Error(opened.failed)
await using maildrop = opened.maildrop
const { count, totalOctets } = maildrop.listing
console.log(`+OK ${count} messages (${totalOctets} octets)`)
console.log(latin1Text(await maildrop.readAt(1, 0, 35)))

// QUIT: what the phone deletes is hidden from the phone; Anna still has both.
await maildrop.commit([0, 1])
console.log((await store.directory.usage(account)).messages)
