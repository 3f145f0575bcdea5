import { createRecipientResolver } from '@restante/accounts'
import { type Path, parsePath } from '@restante/mail'
import { type MemoryStore, memoryStore } from '@restante/maildrop'
import type { MailEvidence, RcptEvidence } from '@restante/smtp'
import { beforeEach, expect, test } from 'vitest'
import { decideRecipient, decideSender, withBarePostmaster } from '../src/recipients.ts'

let store: MemoryStore
beforeEach(async () => {
  store = memoryStore({ 'anna@acme.example': [], 'full@acme.example': ['Subject: x\r\n\r\n0123456789\r\n'] })
  const { directory } = store
  await directory.putDomain({ name: 'acme.example', catchAll: null })
  const full = await directory.accountByAddress('full@acme.example')
  await directory.changeAccount(full?.id ?? '', { quotaOctets: 26 })
  await directory.putAlias({
    address: 'both@acme.example',
    targets: ['anna@acme.example', 'full@acme.example'],
  })
  await directory.putAlias({ address: 'a@acme.example', targets: ['b@acme.example'] })
  await directory.putAlias({ address: 'b@acme.example', targets: ['a@acme.example'] })
  await directory.putAlias({ address: 'away@acme.example', targets: ['anna@elsewhere.example'] })
})

const resolver = () =>
  withBarePostmaster(createRecipientResolver({ directory: store.directory, now: () => 0 }), 'mx.acme.test')
const session = (authenticatedAs: string | null = null) => ({ authenticatedAs })
const rcpt = async (address: string, sizeOctets?: number, authenticatedAs: string | null = null) => {
  const evidence = {
    session: session(authenticatedAs),
    recipient: parsePath(address) as Path,
    parameters: sizeOctets === undefined ? {} : { sizeOctets },
  } as unknown as RcptEvidence
  const reply = await decideRecipient(evidence, resolver(), store.directory)
  return reply === null ? 'ok' : `${reply.code} ${reply.enhanced} ${reply.reason}`
}

test.each([
  ['anna@acme.example', 'ok'],
  ['Anna@ACME.example', 'ok'],
  ['anna+shop@acme.example', 'ok'],
  ['postmaster@acme.example', 'ok'],
  ['both@acme.example', 'ok'],
  ['Postmaster@mx.acme.test', 'ok'],
  ['anna@mx.acme.test', '550 5.7.1 relay-denied'],
  ['nobody@acme.example', '550 5.1.1 unknown-recipient'],
  ['anna@elsewhere.example', '550 5.7.1 relay-denied'],
  ['anna@sub.acme.example', '550 5.7.1 relay-denied'],
  ['away@acme.example', '550 5.7.1 relay-denied'],
  ['a@acme.example', '550 5.4.6 alias-loop'],
  ['full@acme.example', '452 4.2.2 over-quota'],
])('RCPT %s: %s', async (address, expected) => expect(await rcpt(address)).toBe(expected))

test('a mailbox with room for a part of what is announced is full for it', async () => {
  const full = await store.directory.accountByAddress('full@acme.example')
  const used = (await store.directory.usage(full?.id ?? '')).octets
  await store.directory.changeAccount(full?.id ?? '', { quotaOctets: used + 100 })
  expect(await rcpt('full@acme.example')).toBe('ok')
  expect(await rcpt('full@acme.example', 100)).toBe('ok')
  expect(await rcpt('full@acme.example', 101)).toBe('452 4.2.2 over-quota')
})

test('a quota may also count messages', async () => {
  const anna = await store.directory.accountByAddress('anna@acme.example')
  await store.directory.changeAccount(anna?.id ?? '', { quotaMessages: 1 })
  expect(await rcpt('anna@acme.example', 1_000_000)).toBe('ok')
  await store.directory.changeAccount(anna?.id ?? '', { quotaMessages: 0 })
  expect(await rcpt('anna@acme.example')).toBe('452 4.2.2 over-quota')
})

test('whoever logged in is told that mail goes to addresses of this server only', async () => {
  expect(await rcpt('anna@elsewhere.example', undefined, 'anna@acme.example')).toBe('550 5.7.1 outgoing-off')
  expect(await rcpt('away@acme.example', undefined, 'anna@acme.example')).toBe('550 5.7.1 outgoing-off')
  expect(await rcpt('anna@acme.example', undefined, 'anna@acme.example')).toBe('ok')
})

const mail = async (
  reversePath: string | null,
  authenticatedAs: string | null,
  options: { readonly sizeOctets?: number; readonly from?: MemoryStore } = {},
) => {
  const evidence = {
    session: session(authenticatedAs),
    reversePath: reversePath === null ? null : parsePath(reversePath),
    parameters: options.sizeOctets === undefined ? {} : { sizeOctets: options.sizeOctets },
  } as unknown as MailEvidence
  return (await decideSender(evidence, options.from ?? store, resolver()))?.reason ?? 'ok'
}

test('whoever logged in sends as himself or one of his aliases', async () => {
  expect(await mail('anna@acme.example', 'anna@acme.example')).toBe('ok')
  expect(await mail('Anna+shop@acme.example', 'anna@acme.example')).toBe('ok')
  expect(await mail('both@acme.example', 'anna@acme.example')).toBe('ok')
  expect(await mail(null, 'anna@acme.example')).toBe('ok')
  expect(await mail('full@acme.example', 'anna@acme.example')).toBe('sender-not-yours')
  expect(await mail('boss@elsewhere.example', 'anna@acme.example')).toBe('sender-not-yours')
  expect(await mail('boss@elsewhere.example', null)).toBe('ok')
})

test('MAIL is refused for now where the disk has no room for what is announced', async () => {
  const from = memoryStore({}, { capacityOctets: 1000, floorOctets: 200 })
  expect(await mail('x@far.example', null, { from })).toBe('ok')
  expect(await mail('x@far.example', null, { from, sizeOctets: 800 })).toBe('ok')
  expect(await mail('x@far.example', null, { from, sizeOctets: 801 })).toBe('disk-full')
})
