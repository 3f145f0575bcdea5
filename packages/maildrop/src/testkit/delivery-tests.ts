import { concatOctets, equalOctets, latin1Octets, latin1Text, toStoredForm } from '@restante/mail'
import fc from 'fast-check'
import { describe, expect, test as table } from 'vitest'
import { PREFIX_MAX_OCTETS } from '../delivery.ts'
import { QUARANTINE } from '../words.ts'
import {
  Fixture,
  gather,
  holdFor,
  inReusedBuffer,
  keyOf,
  type MakeStore,
  message,
  orderFor,
  readOctets,
  storedId,
  testsOn,
} from './fixture.ts'

/** [what it is, as received, as stored, offset of the body, needs stuffing] */
const FORMS: readonly (readonly [string, string, string, number, boolean])[] = [
  ['CRLF line ends', 'A: b\r\n\r\nhi\r\n', 'A: b\r\n\r\nhi\r\n', 8, false],
  ['LF line ends', 'A: b\n\nhi\n', 'A: b\r\n\r\nhi\r\n', 8, false],
  ['mixed line ends', 'A: b\r\n\nhi\nyou\r\n', 'A: b\r\n\r\nhi\r\nyou\r\n', 8, false],
  ['a missing last line end', 'A: b\r\n\r\nhi', 'A: b\r\n\r\nhi\r\n', 8, false],
  ['a last CR alone', 'A: b\r\n\r\nhi\r', 'A: b\r\n\r\nhi\r\n', 8, false],
  ['an empty message', '', '', 0, false],
  ['one line end', '\n', '\r\n', 2, false],
  ['a header alone', 'A: b\r\nC: d\r\n', 'A: b\r\nC: d\r\n', 12, false],
  ['a header and its empty line', 'A: b\r\n\r\n', 'A: b\r\n\r\n', 8, false],
  ['a body alone', '\r\nhi\r\n', '\r\nhi\r\n', 2, false],
  ['no blank line', 'just text\r\nand more\r\n', 'just text\r\nand more\r\n', 21, false],
  ['8-bit octets', 'A: \xe4\r\n\r\n\xff\xfe\x80\r\n', 'A: \xe4\r\n\r\n\xff\xfe\x80\r\n', 8, false],
  ['NUL octets', 'A: \0\r\n\r\n\0\0\r\n', 'A: \0\r\n\r\n\0\0\r\n', 8, false],
  ['bare CRs', 'A: b\rc\r\n\r\nx\r\ry\r\n', 'A: b\rc\r\n\r\nx\r\ry\r\n', 10, false],
  ['dots at line starts', 'A: b\r\n\r\n.\r\n..x\r\n', 'A: b\r\n\r\n.\r\n..x\r\n', 8, true],
  ['a dot inside a line', 'A: b.\r\n\r\nx.\r\n', 'A: b.\r\n\r\nx.\r\n', 9, false],
  ['a dot first of all', '.A: b\n\nhi\n', '.A: b\r\n\r\nhi\r\n', 9, true],
]

/** Prefixes and bodies whose borders meet in every way; with splices. */
const COPIES: readonly (readonly [
  string,
  string,
  string,
  { readonly offset: number; readonly length: number; readonly replacement: string } | null,
])[] = [
  ['body alone', '', 'Subject: x\r\n\r\nhi\r\n', null],
  ['prefix and body', 'Return-Path: <>\r\n', 'Subject: x\r\n\r\nhi\r\n', null],
  ['prefix and an empty body', 'Return-Path: <>\r\n', '', null],
  ['prefix and a body without header', 'Received: x\r\n', '\r\nhi\r\n', null],
  [
    'a splice that grows',
    'A: b\r\n',
    'Subject: x\r\n\r\nhi\r\n',
    { offset: 9, length: 0, replacement: '[spam] ' },
  ],
  [
    'a splice that shrinks',
    'A: b\r\n',
    'Subject: long\r\n\r\nhi\r\n',
    { offset: 9, length: 4, replacement: 'x' },
  ],
  ['a splice at the start', '', 'Subject: x\r\n\r\nhi\r\n', { offset: 0, length: 7, replacement: 'Topic' }],
  [
    'a splice that takes away',
    'A: b\r\n',
    'Subject: x\r\n\r\nhi\r\n',
    { offset: 8, length: 2, replacement: '' },
  ],
]

/** Taking mail in: stored form, staging, commit, outcomes. */
export function deliveryTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  describe('stored form', () => {
    table.each(FORMS)('%s', async (_, received, stored, bodyOffset, needsStuffing) => {
      await using fixture = new Fixture(makeStore)
      await fixture.start()
      const anna = await fixture.account()
      for (const chunkOctets of [1, 2, 3, 1000]) {
        const staged = await fixture.stage(inReusedBuffer(latin1Octets(received), chunkOctets))
        expect.soft(latin1Text(await gather(staged.read())), `staged by ${chunkOctets}`).toBe(stored)
        expect.soft(staged).toMatchObject({ sizeOctets: stored.length, bodyOffset, needsStuffing })
        const outcomes = await staged.commit(fixture.envelope(), [orderFor(anna)])
        expect.soft(outcomes).toEqual([{ stored: { id: expect.any(String), sizeOctets: stored.length } }])
      }
      await using maildrop = await fixture.open(anna)
      for (let i = 0; i < 4; i++) {
        expect.soft(latin1Text(await readOctets(maildrop, i))).toBe(stored)
        expect.soft(maildrop.listing.sizes[i], 'size').toBe(stored.length)
        expect.soft(maildrop.listing.bodyOffsets[i], 'offset of the body').toBe(bodyOffset)
        expect.soft(maildrop.listing.stuffing[i], 'needs stuffing').toBe(needsStuffing ? 1 : 0)
      }
      expect(maildrop.listing.totalOctets).toBe(stored.length * 4)
    })

    test('a line of 5 MB', async (fixture) => {
      const anna = await fixture.account()
      const body = new Uint8Array(5_000_000).fill(0x61)
      const octets = concatOctets([latin1Octets('A: b\n\n'), body])
      const id = await fixture.deliver(anna, inReusedBuffer(octets, 65_536))
      const stored = toStoredForm(octets).octets
      expect((await fixture.store.find(id)) as object).toMatchObject({ sizeOctets: 5_000_010, bodyOffset: 8 })
      const back = await gather((await fixture.store.read(id)) as AsyncIterable<Uint8Array>)
      expect(equalOctets(back, stored), 'octet for octet').toBe(true)
      await using maildrop = await fixture.open(anna)
      expect(equalOctets(await readOctets(maildrop, 0), stored), 'through a session').toBe(true)
      expect(latin1Text(await readOctets(maildrop, 0, 4_999_999, 100))).toBe(`${'a'.repeat(9)}\r\n`)
    })

    test('any octets in any chunks', async (fixture) => {
      const anna = await fixture.account()
      const piece = fc.oneof(
        fc.constantFrom('\r', '\n', '\r\n', '.', '\0', '\xff', 'Subject: x', ' '),
        fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\0-\xff]/g, '?')),
      )
      await fc.assert(
        fc.asyncProperty(
          fc.array(piece, { maxLength: 30 }),
          fc.integer({ min: 1, max: 50 }),
          async (pieces, size) => {
            const octets = latin1Octets(pieces.join(''))
            const id = await fixture.deliver(anna, inReusedBuffer(octets, size))
            expect(await fixture.readCopy(id)).toBe(latin1Text(toStoredForm(octets).octets))
          },
        ),
        { numRuns: 60 },
      )
    })
  })

  describe('staging', () => {
    test('keeps its own octets also of Node buffers, whose slices are views', async (fixture) => {
      const anna = await fixture.account()
      const text = message('buffers', 'x'.repeat(40_000))
      async function* reused(): AsyncGenerator<Uint8Array> {
        const pool = Buffer.alloc(1000)
        for (let at = 0; at < text.length; at += pool.length) {
          yield pool.subarray(0, pool.write(text.slice(at, at + pool.length), 'latin1'))
          pool.fill('#')
        }
      }
      const id = await fixture.deliver(anna, reused())
      expect(await fixture.readCopy(id)).toBe(text)
    })

    test('takes whole arrays and keeps its own octets', async (fixture) => {
      const anna = await fixture.account()
      const octets = latin1Octets(message('mine'))
      const staged = await fixture.store.stage(octets)
      octets.fill(0x23)
      await staged.commit(fixture.envelope(), [orderFor(anna)])
      expect(await fixture.texts(anna)).toEqual([message('mine')])
    })

    test('reads from the start each time, whole only up to a limit', async (fixture) => {
      await using staged = await fixture.stage('A: b\n\nhi\n')
      expect(latin1Text(await gather(staged.read()))).toBe('A: b\r\n\r\nhi\r\n')
      expect(latin1Text(await gather(staged.read()))).toBe('A: b\r\n\r\nhi\r\n')
      expect(await staged.readWhole(11)).toBeNull()
      expect(latin1Text((await staged.readWhole(12)) as Uint8Array)).toBe('A: b\r\n\r\nhi\r\n')
    })

    test('a reader may stop early and start again', async (fixture) => {
      const anna = await fixture.account()
      const text = message('long', 'x'.repeat(300_000))
      const staged = await fixture.stage(text)
      for await (const chunk of staged.read()) {
        expect(chunk.length).toBeGreaterThan(0)
        break
      }
      expect(latin1Text(await gather(staged.read()))).toBe(text)
      await staged.commit(fixture.envelope(), [orderFor(anna)])
      expect(await fixture.texts(anna)).toEqual([text])
    })

    test('what is only staged is seen by no one', async (fixture) => {
      const anna = await fixture.account()
      await using _staged = await fixture.stage(message('staged'))
      expect(await fixture.texts(anna)).toEqual([])
      expect(await fixture.copies(anna)).toEqual([])
      expect(await fixture.store.directory.usage(anna.id)).toEqual({ octets: 0, messages: 0 })
    })

    test('gives on what the source throws, unchanged, and takes mail afterwards', async (fixture) => {
      const anna = await fixture.account()
      const broken = new Error('the peer went away')
      for (const before of ['', 'A: b\r\n', message('half', 'x'.repeat(2_000_000))]) {
        const source = async function* () {
          if (before !== '') yield latin1Octets(before)
          throw broken
        }
        await expect(fixture.stage(source())).rejects.toBe(broken)
      }
      await fixture.deliver(anna, message('after'))
      expect(await fixture.texts(anna)).toEqual([message('after')])
    })

    test('a discarded body cannot be committed', async (fixture) => {
      const anna = await fixture.account()
      const staged = await fixture.stage(message('no'))
      await staged.discard()
      await expect(staged.commit(fixture.envelope(), [orderFor(anna)])).rejects.toThrow()
      expect(await fixture.texts(anna)).toEqual([])
    })

    test('disposing discards what was not committed', async (fixture) => {
      const anna = await fixture.account()
      const staged = await fixture.stage(message('no'))
      await staged[Symbol.asyncDispose]()
      await expect(staged.commit(fixture.envelope(), [orderFor(anna)])).rejects.toThrow()
      expect(await fixture.texts(anna)).toEqual([])
    })

    test('disposing keeps what was committed', async (fixture) => {
      const anna = await fixture.account()
      {
        await using staged = await fixture.stage(message('yes'))
        await staged.commit(fixture.envelope(), [orderFor(anna)])
      }
      expect(await fixture.texts(anna)).toEqual([message('yes')])
    })

    test('a second commit is refused', async (fixture) => {
      const anna = await fixture.account()
      const staged = await fixture.stage(message('once'))
      await staged.commit(fixture.envelope(), [orderFor(anna)])
      await expect(staged.commit(fixture.envelope(), [orderFor(anna)])).rejects.toThrow()
      expect(await fixture.texts(anna)).toEqual([message('once')])
    })

    test('many bodies lie ready at once', async (fixture) => {
      const anna = await fixture.account()
      const subjects = Array.from({ length: 40 }, (_, i) => `message ${i}`)
      const staged = await Promise.all(
        subjects.map((subject, i) => fixture.stage(message(subject, 'x'.repeat(i * 5000)))),
      )
      await Promise.all(
        staged.map((each, i) =>
          i % 4 === 3 ? each.discard() : each.commit(fixture.envelope(), [orderFor(anna)]),
        ),
      )
      const expected = subjects
        .map((subject, i) => message(subject, 'x'.repeat(i * 5000)))
        .filter((_, i) => i % 4 !== 3)
      expect([...(await fixture.texts(anna))].sort()).toEqual([...expected].sort())
    })
  })

  describe('copies', () => {
    table.each(COPIES)('%s: size, shape and every cut of readAt', async (_, prefix, body, splice) => {
      await using fixture = new Fixture(makeStore)
      await fixture.start()
      const anna = await fixture.account()
      const [before, after] = splice
        ? [body.slice(0, splice.offset) + splice.replacement, body.slice(splice.offset + splice.length)]
        : [body, '']
      const whole = prefix + before + after
      const bodyOffset =
        prefix.length +
        toStoredForm(latin1Octets(body)).form.bodyOffset +
        (splice ? splice.replacement.length - splice.length : 0)
      const given = latin1Octets(prefix)
      const replacement = latin1Octets(splice?.replacement ?? '')
      const outcomes = await fixture.commit(body, [
        { ...orderFor(anna), prefix: given, ...(splice && { splice: { ...splice, replacement } }) },
      ])
      given.fill(0x23)
      replacement.fill(0x23)
      expect(outcomes).toEqual([{ stored: { id: expect.any(String), sizeOctets: whole.length } }])
      expect(await fixture.readCopy(storedId(outcomes[0]))).toBe(whole)
      expect(await fixture.copies(anna)).toMatchObject([{ sizeOctets: whole.length, bodyOffset }])
      await using maildrop = await fixture.open(anna)
      expect(maildrop.listing.sizes[0]).toBe(whole.length)
      expect(maildrop.listing.bodyOffsets[0]).toBe(bodyOffset)
      for (let position = 0; position <= whole.length + 2; position++) {
        for (const length of [0, 1, 2, 5, whole.length, whole.length + 10]) {
          const chunk = latin1Text(await maildrop.readAt(0, position, length))
          const most = whole.slice(position, position + length)
          const where = `readAt(0, ${position}, ${length})`
          expect(
            most.startsWith(chunk),
            `${where} gave ${JSON.stringify(chunk)}, not ${JSON.stringify(most)}`,
          ).toBe(true)
          if (most !== '') expect(chunk, where).not.toBe('')
        }
      }
    })

    test('any prefix, body and splice read as a model says', async (fixture) => {
      const anna = await fixture.account()
      const line = fc.stringMatching(/^[A-Z][a-z]{0,9}: [a-z ]{0,30}$/)
      const lines = fc
        .array(line, { minLength: 1, maxLength: 5 })
        .map((all) => all.map((l) => `${l}\r\n`).join(''))
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.constant(''), lines),
          lines,
          fc.string({ maxLength: 50 }).map((text) => text.replace(/[^ -~]/g, '~')),
          fc.option(fc.tuple(fc.nat(), fc.nat(), fc.stringMatching(/^[a-z ]{0,20}$/))),
          fc.array(fc.tuple(fc.nat(300), fc.nat(300)), { maxLength: 10 }),
          async (prefix, header, text, cut, reads) => {
            const body = `${header}\r\n${text}\r\n`
            const firstLine = header.indexOf('\r\n')
            const offset = cut ? 1 + (cut[0] % firstLine) : 0
            const length = cut ? cut[1] % (firstLine - offset + 1) : 0
            const replacement = cut ? cut[2] : ''
            const whole = prefix + body.slice(0, offset) + replacement + body.slice(offset + length)
            const id = await fixture.deliver(anna, body, {
              prefix,
              ...(cut && { splice: { offset, length, replacement: latin1Octets(replacement) } }),
            })
            const maildrop = await fixture.open(anna)
            const index = maildrop.listing.ids.indexOf(id)
            expect(latin1Text(await readOctets(maildrop, index))).toBe(whole)
            for (const [position, count] of reads) {
              const octets = await readOctets(maildrop, index, position, count)
              expect(latin1Text(octets)).toBe(whole.slice(position, position + count))
            }
            await fixture.quit(maildrop, [index])
          },
        ),
        { numRuns: 60 },
      )
    })

    test('a prefix as long as allowed', async (fixture) => {
      const anna = await fixture.account()
      const prefix = `X: ${'y'.repeat(PREFIX_MAX_OCTETS - 5)}\r\n`
      await fixture.deliver(anna, message('x'), { prefix })
      expect(await fixture.texts(anna)).toEqual([prefix + message('x')])
    })

    test('one body for many accounts and folders, each with its own prefix', async (fixture) => {
      const accounts = []
      for (const name of ['anna', 'bert', 'carl'])
        accounts.push(await fixture.account(`${name}@acme.example`))
      const [anna, bert, carl] = accounts
      const outcomes = await fixture.commit(message('all'), [
        orderFor(anna!, { prefix: 'Delivered-To: anna@acme.example\r\n' }),
        orderFor(bert!, { folder: 'lists' }),
        orderFor(carl!, { folder: QUARANTINE, hold: holdFor(), prefix: 'X-Spam-Flag: YES\r\n' }),
      ])
      expect(new Set(outcomes.map(storedId)).size, 'every copy has its own id').toBe(3)
      expect(await fixture.texts(anna!)).toEqual([`Delivered-To: anna@acme.example\r\n${message('all')}`])
      expect(await fixture.texts(bert!)).toEqual([])
      expect(await fixture.texts(bert!, { folder: 'lists' })).toEqual([message('all')])
      expect(await fixture.texts(carl!, { folder: QUARANTINE })).toEqual([
        `X-Spam-Flag: YES\r\n${message('all')}`,
      ])
    })

    test('arrive when the envelope says, or the order', async (fixture) => {
      const anna = await fixture.account()
      await fixture.deliver(anna)
      await fixture.deliver(anna, message('old'), { arrivedAtMs: 1_000_000_000_000 })
      const copies = await fixture.copies(anna)
      expect(copies.map((copy) => copy.arrivedAtMs)).toEqual([fixture.nowMs, 1_000_000_000_000])
    })

    test('keep class, reason and expiry of their hold', async (fixture) => {
      const anna = await fixture.account()
      const hold = { class: 'phishing', reason: 'Täuschung: ein Link lügt', expiresAtMs: null } as const
      await fixture.hold(anna, message('1'), { hold })
      await fixture.hold(anna, message('2'), { hold: { ...hold, class: 'malware', expiresAtMs: 1.8e12 } })
      await fixture.deliver(anna)
      const copies = await fixture.copies(anna)
      expect(copies.map((copy) => copy.hold)).toEqual([
        hold,
        { ...hold, class: 'malware', expiresAtMs: 1.8e12 },
        null,
      ])
    })
  })

  describe('outcomes', () => {
    test('one per copy, in order; the good ones are stored', async (fixture) => {
      const anna = await fixture.account()
      const outcomes = await fixture.commit(message('x'), [
        orderFor({ id: 'nobody' }),
        orderFor(anna),
        orderFor({ id: 'no one' }),
      ])
      expect(outcomes).toEqual([
        { failed: 'no-such-account' },
        { stored: { id: expect.any(String), sizeOctets: message('x').length } },
        { failed: 'no-such-account' },
      ])
      expect(await fixture.texts(anna)).toEqual([message('x')])
    })

    test('with no copy there is nothing', async (fixture) => {
      await fixture.account()
      expect(await fixture.commit(message('x'), [])).toEqual([])
      expect(await fixture.commit(message('x'), [orderFor({ id: 'nobody' })])).toEqual([
        { failed: 'no-such-account' },
      ])
    })

    test('an id kept from another server stays, and is refused twice in a folder', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      const id = '!"#~UIDL.00000012345678'
      expect(await fixture.deliver(anna, message('1'), { id })).toBe(id)
      expect(await fixture.commit(message('2'), [orderFor(anna, { id })])).toEqual([
        { failed: 'duplicate-id' },
      ])
      expect(await fixture.deliver(bert, message('3'), { id })).toBe(id)
      expect(await fixture.deliver(anna, message('4'), { id, folder: 'lists' })).toBe(id)
      expect(
        await fixture.commit(message('5'), [
          orderFor(bert, { id: 'twice' }),
          orderFor(bert, { id: 'twice' }),
        ]),
      ).toEqual([{ stored: { id: 'twice', sizeOctets: message('5').length } }, { failed: 'duplicate-id' }])
      expect(await fixture.texts(anna)).toEqual([message('1')])
      expect(await fixture.ids(anna)).toEqual([id])
    })

    test('the id of a removed copy is not given again', async (fixture) => {
      const anna = await fixture.account()
      const id = await fixture.deliver(anna, message('1'), { id: 'kept-id' })
      await fixture.dele(anna, [id])
      expect(await fixture.commit(message('1'), [orderFor(anna, { id })])).toEqual([
        { failed: 'duplicate-id' },
      ])
    })

    test('a full account refuses, by messages', async (fixture) => {
      const anna = await fixture.account()
      await fixture.store.directory.changeAccount(anna.id, { quotaMessages: 2 })
      await fixture.deliver(anna)
      await fixture.hold(anna)
      const [outcome] = await fixture.commit(message('3'), [orderFor(anna)])
      expect(outcome, 'the quarantine counts').toEqual({ failed: 'over-quota' })
      await fixture.dele(anna, await fixture.ids(anna))
      await fixture.deliver(anna, message('there is room again'))
    })

    test('a full account refuses, by octets', async (fixture) => {
      const anna = await fixture.account()
      const text = message('x', 'y'.repeat(400))
      await fixture.store.directory.changeAccount(anna.id, { quotaOctets: text.length * 2 })
      await fixture.deliver(anna, text)
      await fixture.deliver(anna, text)
      expect(await fixture.commit(text, [orderFor(anna)])).toEqual([{ failed: 'over-quota' }])
      await fixture.store.directory.changeAccount(anna.id, { quotaOctets: null })
      await fixture.deliver(anna, text)
    })

    test('only the full account of several refuses', async (fixture) => {
      const anna = await fixture.account()
      const bert = await fixture.account('bert@acme.example')
      await fixture.store.directory.changeAccount(anna.id, { quotaMessages: 0 })
      expect(await fixture.commit(message('x'), [orderFor(anna), orderFor(bert)])).toMatchObject([
        { failed: 'over-quota' },
        { stored: { sizeOctets: message('x').length } },
      ])
    })

    test('a race overdraws a quota by at most one message', async (fixture) => {
      const anna = await fixture.account()
      await fixture.store.directory.changeAccount(anna.id, { quotaMessages: 3 })
      const staged = await Promise.all(Array.from({ length: 12 }, () => fixture.stage(message('race'))))
      const outcomes = await Promise.all(
        staged.map((each) =>
          each.commit(fixture.envelope(), [orderFor(anna), orderFor(anna, { folder: 'lists' })]),
        ),
      )
      const stored = outcomes.flat().filter((outcome) => 'stored' in outcome).length
      expect(stored).toBeGreaterThanOrEqual(3)
      expect(stored).toBeLessThanOrEqual(4)
      expect((await fixture.store.directory.usage(anna.id)).messages).toBe(stored)
    })

    test('there is room for an ordinary message', async (fixture) => {
      expect(fixture.store.hasRoomFor(100_000)).toBe(true)
    })
  })

  test('a committed copy is at once what a session sees', async (fixture) => {
    const anna = await fixture.account()
    const id = await fixture.deliver(anna)
    const opened = await fixture.store.open(keyOf(anna), { sessionId: 'after' })
    expect('maildrop' in opened && opened.maildrop.listing.ids).toEqual([id])
  })
}
