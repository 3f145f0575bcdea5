import { createRecipientResolver } from '@restante/accounts'
import { type Path, parsePath } from '@restante/mail'
import { type MemoryStore, memoryStore } from '@restante/maildrop'
import type { MailEvidence, RcptEvidence } from '@restante/smtp'
import { beforeEach, expect, test } from 'vitest'
import { decideRecipient, decideSender } from '../src/recipients.ts'

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

const rcpt = async (address: string, sizeOctets?: number) => {
  const resolver = createRecipientResolver({ directory: store.directory, now: () => 0 })
  const evidence = {
    recipient: parsePath(address) as Path,
    parameters: sizeOctets === undefined ? {} : { sizeOctets },
  } as unknown as RcptEvidence
  const reply = await decideRecipient(evidence, resolver, store.directory)
  return reply === null ? 'ok' : `${reply.code} ${reply.enhanced} ${reply.reason}`
}

test.each([
  ['anna@acme.example', 'ok'],
  ['Anna@ACME.example', 'ok'],
  ['anna+shop@acme.example', 'ok'],
  ['postmaster@acme.example', 'ok'],
  ['both@acme.example', 'ok'],
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

test('MAIL is refused for now where the disk has no room for what is announced', () => {
  const tight = memoryStore({}, { capacityOctets: 1000, floorOctets: 200 })
  const mail = (sizeOctets?: number) =>
    decideSender(
      { parameters: sizeOctets === undefined ? {} : { sizeOctets } } as unknown as MailEvidence,
      tight,
    )?.reason ?? 'ok'
  expect([mail(), mail(800), mail(801)]).toEqual(['ok', 'ok', 'disk-full'])
})
