import { latin1Text, utf8Octets } from '@restante/mail'
import { describe, expect, test } from 'vitest'
import { INBOX, type MemoryStore, memoryStore } from '../src/index.ts'

async function open(store: MemoryStore, name: string) {
  const opened = await store.open(name, { sessionId: 's' })
  if ('failed' in opened) throw new Error(opened.failed)
  return opened.maildrop
}

describe('memoryStore', () => {
  test('is seeded with accounts and their inboxes, in stored form', async () => {
    await using store = memoryStore({
      anna: ['From: a@b.example\r\n\r\nhi\r\n', 'Subject: é\n\n.x'],
      'Bert@ACME.example': [Uint8Array.of(0xff, 0x0a)],
      'carl@acme.example': [],
    })
    await using maildrop = await open(store, 'anna')
    expect(maildrop.listing.count).toBe(2)
    expect(latin1Text(await maildrop.readAt(0, 0, 100))).toBe('From: a@b.example\r\n\r\nhi\r\n')
    expect(await maildrop.readAt(1, 0, 100)).toEqual(utf8Octets('Subject: é\r\n\r\n.x\r\n'))
    expect(maildrop.listing.stuffing[1]).toBe(1)
    const accounts = await store.directory.accounts()
    expect(accounts.map((account) => account.address)).toEqual([
      'anna',
      'bert@acme.example',
      'carl@acme.example',
    ])
    expect((await store.directory.domains()).map((domain) => domain.name)).toEqual(['acme.example'])
  })

  test('opens an inbox by address, in any case, by account id, or by key: one and the same maildrop', async () => {
    await using store = memoryStore({ 'anna@acme.example': ['x\r\n'] })
    const anna = await store.directory.accountByAddress('anna@acme.example')
    const key = { account: anna?.id ?? '', folder: INBOX, view: 'classic' } as const
    for (const name of ['anna@acme.example', 'Anna@Acme.EXAMPLE', key.account]) {
      await using maildrop = await open(store, name)
      expect(maildrop.key).toEqual(key)
      expect(await store.open(key)).toEqual({ failed: 'in-use' })
    }
    expect(await store.open('anna')).toEqual({ failed: 'no-such-maildrop' })
    expect(await store.open('')).toEqual({ failed: 'no-such-maildrop' })
  })

  test('two stores share nothing', async () => {
    await using one = memoryStore({ anna: ['x\r\n'] })
    await using two = memoryStore({ anna: [] })
    await using a = await open(one, 'anna')
    await using b = await open(two, 'anna')
    expect([a.listing.count, b.listing.count]).toEqual([1, 0])
  })

  test('refuses a seed that names an account twice, or that it has no room for', () => {
    expect(() => memoryStore({ anna: [], Anna: [] })).toThrow(RangeError)
    expect(() => memoryStore({ anna: ['x'.repeat(100)] }, { capacityOctets: 50 })).toThrow(
      expect.objectContaining({ code: 'disk-full' }),
    )
  })

  test('takes its clock and its randomness from outside', async () => {
    const make = () =>
      memoryStore(
        { anna: ['x'] },
        { now: () => Date.UTC(2026, 0, 1), random: (octets) => void octets.fill(7) },
      )
    await using one = make()
    await using two = make()
    await using a = await open(one, 'anna')
    await using b = await open(two, 'anna')
    expect(a.listing.ids).toEqual(b.listing.ids)
    expect((await one.directory.accounts())[0]?.createdAtMs).toBe(Date.UTC(2026, 0, 1))
  })

  test('counts every body once, and gives its octets back with the last copy', async () => {
    await using store = memoryStore({ anna: [], bert: [] }, { capacityOctets: 1000, floorOctets: 100 })
    const [anna, bert] = await store.directory.accounts()
    const envelope = {
      reversePath: null,
      recipients: [],
      clientIp: '',
      helo: '',
      receivedAtMs: 0,
      protocol: 'local',
      tls: null,
      authenticatedAs: null,
      sessionId: '',
    } as const
    const prefix = new Uint8Array(0)
    expect([store.hasRoomFor(900), store.hasRoomFor(901)]).toEqual([true, false])
    const staged = await store.stage(new Uint8Array(498))
    const both = [anna, bert].map((account) => ({ account: account?.id ?? '', folder: INBOX, prefix }))
    await staged.commit(envelope, both)
    expect([store.hasRoomFor(400), store.hasRoomFor(401)]).toEqual([true, false])
    const second = await store.stage(new Uint8Array(98))
    expect(store.hasRoomFor(301)).toBe(false)
    await second.discard()
    expect(store.hasRoomFor(400)).toBe(true)
    await expect(store.stage(new Uint8Array(401))).rejects.toMatchObject({ code: 'disk-full' })
    expect(store.hasRoomFor(400), 'nothing of the refused body is kept').toBe(true)
    for (const account of [anna, bert]) await store.directory.eraseAccount(account?.id ?? '')
    expect([store.hasRoomFor(900), store.hasRoomFor(901)]).toEqual([true, false])
  })

  test.each([
    ['no folder name', { folder: 'No Folder' }],
    ['a prefix too long', { prefix: new Uint8Array(8193) }],
    ['a hold outside the quarantine', { hold: { class: 'spam', reason: '', expiresAtMs: null } }],
    ['no hold inside it', { folder: 'quarantine' }],
    ['a splice beyond the header', { splice: { offset: 5, length: 2, replacement: new Uint8Array(0) } }],
  ] as const)('a commit with %s is a mistake of the caller and stores nothing', async (_, change) => {
    await using store = memoryStore({ anna: [] })
    const [anna] = await store.directory.accounts()
    await using staged = await store.stage(new Uint8Array(4))
    const order = { account: anna?.id ?? '', folder: INBOX, prefix: new Uint8Array(0), ...change }
    const envelope = { receivedAtMs: 0 } as Parameters<typeof staged.commit>[0]
    await expect(staged.commit(envelope, [order])).rejects.toThrow(RangeError)
    expect((await store.directory.usage(anna?.id ?? '')).messages).toBe(0)
  })
})
