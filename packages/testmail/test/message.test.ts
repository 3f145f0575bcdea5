import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeQuotedPrintable, decodeWords, readParameters } from '../src/encoded-words.ts'
import { asMessage, verdictOf } from '../src/index.ts'
import { addressesIn } from '../src/matching.ts'

test.each([
  ['plain', 'plain'],
  ['=?utf-8?q?caf=C3=A9_au?= lait', 'café au lait'],
  ['=?UTF-8?B?0J/RgNC4?= =?UTF-8?B?0LLQtdGC?=', 'Привет'],
  ['=?utf-8?b?0A==?=\t=?utf-8?b?nw==?=', 'П'],
  ['=?koi8-r?B?8NLJ18XU?=', 'Привет'],
  ['=?windows-1251?Q?=CF?= =?utf-8?q?=C3=BC?=', 'Пü'],
  ['=?iso-8859-1*de?q?gr=FC=DFe?=', 'grüße'],
  ['a =?utf-8?q?b?= c', 'a b c'],
  ['=?x-unknown?q?=E9?=', 'é'],
  ['=?utf-8?x?abc?=', '=?utf-8?x?abc?='],
  ['=?broken', '=?broken'],
])('encoded words: %s', (text, expected) => {
  expect(decodeWords(text)).toBe(expected)
})

test.each([
  ['a=20b=\r\nc', 'a bc'],
  ['a =\n b', 'a  b'],
  ['trailing \t\r\nnext', 'trailing\r\nnext'],
  ['100%=zz=', '100%=zz='],
])('quoted-printable: %j', (text, expected) => {
  expect(decodeQuotedPrintable(text).toString('latin1')).toBe(expected)
})

test.each([
  ['text/plain; charset=utf-8', 'text/plain', { charset: 'utf-8' }],
  ['TEXT/HTML;CHARSET="us-ascii" ; x = y', 'text/html', { charset: 'us-ascii', x: 'y' }],
  ['attachment; filename="a \\"b\\".txt"', 'attachment', { filename: 'a "b".txt' }],
  ["attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe%20x.txt", 'attachment', { filename: 'Grüße x.txt' }],
  ['a; name*0*=utf-8\'\'Gr%C3; name*1*=%BC; name*2="n.txt"', 'a', { name: 'Grün.txt' }],
  ['a; name*1="b"; name*0="a"', 'a', { name: 'ab' }],
  ['a; filename="=?utf-8?q?=C3=BC?=.txt"', 'a', { filename: 'ü.txt' }],
  ['a; name*99999999999="x"', 'a', { name: 'x' }],
  ['', '', {}],
])('parameters: %s', (text, value, parameters) => {
  const read = readParameters(text)
  expect(read.value).toBe(value)
  expect(Object.fromEntries(read.parameters)).toEqual(parameters)
})

test.each([
  ['anna@test.example', ['anna@test.example']],
  ['"Last, First" <a@b.example>, C <c@d.example>', ['a@b.example', 'c@d.example']],
  ['group: a@b.example, c@d.example;', ['a@b.example', 'c@d.example']],
  ['a@b.example (not x@y.example)', ['a@b.example']],
  ['"odd one"@b.example', ['"odd one"@b.example']],
  ['nobody', []],
])('addresses in %s', (field, addresses) => {
  expect(addressesIn(field)).toEqual(addresses)
})

describe('a message', () => {
  test('nested parts, a preamble, and a boundary within another', () => {
    const message = asMessage(
      [
        'Content-Type: multipart/mixed; boundary="b"',
        'Subject: x',
        '',
        'preamble --b is not a line',
        '--b',
        'Content-Type: multipart/alternative; boundary=b2',
        '',
        '--b2',
        '',
        'plain',
        '--b2',
        'Content-Type: text/html; charset=iso-8859-1',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'gr=FCn',
        '--b2--',
        'epilogue',
        '--b  ',
        'Content-Type: application/pdf; name=a.pdf',
        'Content-Transfer-Encoding: base64',
        '',
        'AAEC',
        '--b--',
        'after',
        '',
      ].join('\r\n'),
    )
    expect(message.text).toBe('plain')
    expect(message.html).toBe('grün')
    expect(message.attachments).toEqual([
      { name: 'a.pdf', type: 'application/pdf', contentId: '', octets: Buffer.of(0, 1, 2) },
    ])
    expect(message.allFields('SUBJECT')).toEqual(['x'])
  })

  test.each([
    ['', '', 0],
    ['\r\n', '', 0],
    ['just a line', '', 0],
    ['A: b\n\ntext', 'text', 1],
    ['A: b\n c\nB : d\n: e\n\n', '', 2],
    ['Content-Type: multipart/mixed; boundary=x\n\n--x\n\nunclosed', 'unclosed', 1],
    ['Content-Type: multipart/mixed\n\nno boundary', '', 1],
    ['Content-Type: text/plain; charset=none-such\n\n\u00e9', '\u00c3\u00a9', 1],
  ])('%j reads as %j', (raw, text, fields) => {
    const message = asMessage(raw)
    expect(message.text).toBe(text)
    expect(message.fields).toHaveLength(fields)
  })

  test('no octets make it throw, and nothing but time ends it', () => {
    const line = fc.constantFrom(
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: base64',
      '--b',
      '--b--',
      '',
      '=?utf-8?b?////?=',
      'x',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 40 }), (lines) => {
        const message = asMessage(lines.join('\n'))
        expect(typeof message.text).toBe('string')
        expect(Array.isArray(message.attachments)).toBe(true)
      }),
    )
  })

  test('thousands of parts, and parts in parts in parts, are not all looked into', () => {
    const many = `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(20_000)}--b--\n`
    expect(asMessage(many).text.length).toBeLessThan(2_000)
    let deep = 'Content-Type: text/plain\n\nbottom\n'
    for (let i = 0; i < 200; i++)
      deep = `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n${deep}\n--b${i}--\n`
    expect(asMessage(deep).text).toBe('')
  })
})

describe('a verdict', () => {
  test.each([
    [
      'X-Restante-Verdict: quarantined 12.3/10.0; forged brand name; lying link\nX-Spam-Status: Yes, score=12.3 required=10.0 tests=BRAND,\n\tLYING_LINK\n\n',
      {
        disposition: 'quarantined',
        score: 12.3,
        threshold: 10,
        spam: true,
        symbols: ['BRAND', 'LYING_LINK'],
        reasons: ['forged brand name', 'lying link'],
      },
    ],
    [
      'X-Restante-Verdict: delivered -1.0\nX-Spam-Status: No, score=-1.0 tests=none\n\n',
      { disposition: 'delivered', score: -1, threshold: null, spam: false, symbols: [], reasons: [] },
    ],
    [
      'X-Spam-Status: Yes, score=7.1 required=5.0 tests=A,B_C autolearn=no version=4.0\n\n',
      { disposition: null, score: 7.1, threshold: 5, spam: true, symbols: ['A', 'B_C'], reasons: [] },
    ],
    [
      'X-Spam-Status: No, score=0.10 tests=[A=0.1, B]\n\n',
      { disposition: null, score: 0.1, threshold: null, spam: false, symbols: ['A', 'B'], reasons: [] },
    ],
    [
      'X-Restante-Verdict: tagged 6.0/6.0\n\n',
      { disposition: 'tagged', score: 6, threshold: 6, spam: true, symbols: [], reasons: [] },
    ],
    [
      'X-Restante-Verdict: nonsense\n\n',
      { disposition: null, score: null, threshold: null, spam: false, symbols: [], reasons: [] },
    ],
    ['Subject: x\n\n', null],
  ])('%j', (raw, expected) => {
    expect(verdictOf(raw)).toEqual(expected)
  })
})
