import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMailboxes } from '../src/address.ts'
import { readFileName, sniffType, typeLies } from '../src/attachment.ts'
import { decodeCharset } from '../src/charset.ts'
import { parseDate } from '../src/date.ts'
import { decodeValue, parseParameters } from '../src/header.ts'
import { guessLanguage, registrableDomain } from '../src/index.ts'
import { decodeBase64, decodeQuotedPrintable } from '../src/transfer.ts'
import { shownDomain, urlFact, urlsInText } from '../src/url.ts'

describe('encoded words', () => {
  it.each([
    ['plain', 'plain'],
    ['=?utf-8?q?caf=C3=A9?=', 'café'],
    ['=?UTF-8?B?w6k=?= =?UTF-8?B?w6k=?=', 'éé'],
    ['=?utf-8?B?4pg=?= =?utf-8?B?gw==?=', '☃'],
    ['a =?iso-8859-1?q?=E9?= b', 'a é b'],
    ['=?koi8-r?B?8NLJ18XU?=', 'Привет'],
    ['=?utf-8*en?q?x_y?=', 'x y'],
    ['=?no-such?q?abc?=', 'abc'],
    ['=?broken', '=?broken'],
    ['=?utf-8?x?abc?=', '=?utf-8?x?abc?='],
    [Buffer.from('Grüße').toString('latin1'), 'Grüße'],
    ['Gr\xfc\xdfe', 'Grüße'],
  ])('%j reads %j', (raw, words) => {
    expect(decodeValue(raw)).toBe(words)
  })
})

describe('parameters', () => {
  it.each([
    ['text/plain; charset=UTF-8', 'charset', 'UTF-8'],
    ['multipart/mixed; boundary="a;b=c"', 'boundary', 'a;b=c'],
    ['x/y; name="a\\"b"', 'name', 'a"b'],
    ["x/y; name*=utf-8'en'%e2%82%ac%20rates", 'name', '€ rates'],
    ['x/y; name*0="part1 "; name*1="part2"', 'name', 'part1 part2'],
    ["x/y; name*1*=%20b; name*0*=utf-8''a", 'name', 'a b'],
    ['x/y; name==?utf-8?q?=C3=A9?=', 'name', 'é'],
    ['x/y; name="never closed', 'name', 'never closed'],
    ['x/y; a=1; a=2', 'a', '1'],
  ])('of %j: %s is %j', (raw, name, value) => {
    expect(parseParameters(raw).parameters.get(name)).toBe(value)
  })
})

describe('mailboxes', () => {
  it.each([
    ['a@b.example', [['', 'a@b.example']]],
    ['"Doe, J." <j@d.example>', [['Doe, J.', 'j@d.example']]],
    ['j@d.example (John)', [['John', 'j@d.example']]],
    [
      'A <a@b.example>, c@d.example',
      [
        ['A', 'a@b.example'],
        ['', 'c@d.example'],
      ],
    ],
    [
      'Friends: a@b.example, c@d.example;',
      [
        ['', 'a@b.example'],
        ['', 'c@d.example'],
      ],
    ],
    ['undisclosed-recipients:;', []],
    ['<undisclosed-recipients:;>', []],
    ['<some words a@b.example>', [['', 'a@b.example']]],
    ['Name a@b.example', [['Name', 'a@b.example']]],
    ['=?utf-8?q?J=C3=B6rg?= <j@d.example>', [['Jörg', 'j@d.example']]],
    ['"a@bank.example" <x@evil.example>', [['a@bank.example', 'x@evil.example']]],
    ['<@relay.example:a@b.example>', [['', 'a@b.example']]],
    ['A@B.EXAMPLE', [['', 'A@b.example']]],
    ['only words', [['only words', '']]],
    ['', []],
  ])('of %j', (raw, expected) => {
    const { mailboxes } = parseMailboxes(raw, 10)
    expect(mailboxes.map(({ name, address }) => [name, address])).toEqual(expected)
  })

  it('are counted beyond the limit', () => {
    expect(parseMailboxes('a@b.example, '.repeat(50), 3)).toMatchObject({
      count: 50,
      mailboxes: { length: 3 },
    })
  })
})

it.each([
  ['Mon, 02 Nov 2026 10:00:00 +0100', Date.UTC(2026, 10, 2, 9)],
  ['2 Nov 26 10:00 EST', Date.UTC(2026, 10, 2, 15)],
  ['Thu, 01-Jan-98 00:00:00 GMT', Date.UTC(1998, 0, 1)],
  ['yesterday', null],
  ['', null],
])('date %j', (raw, ms) => {
  expect(parseDate(raw)).toBe(ms)
})

describe('transfer encodings', () => {
  it('undo base64 of anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        const lines = Buffer.from(octets).toString('base64').replace(/.{76}/g, '$&\r\n')
        expect(Buffer.from(decodeBase64(Buffer.from(lines)).octets)).toEqual(Buffer.from(octets))
      }),
    )
  })

  it.each([
    ['YQ==YQ==', 'aa'],
    ['YW*J j', 'abc'],
    ['YWJjZ', 'abc'],
    ['', ''],
  ])('read base64 %j as %j', (text, plain) => {
    expect(Buffer.from(decodeBase64(Buffer.from(text)).octets).toString()).toBe(plain)
  })

  it.each([
    ['a=3Db', 'a=b'],
    ['a =\r\nb', 'a b'],
    ['a=\nb', 'ab'],
    ['a= \t\r\nb', 'ab'],
    ['a   \r\nb', 'a\nb'],
    ['a=zzb', 'a=zzb'],
    ['a=', 'a'],
    ['a=4', 'a=4'],
    ['=e9', 'é'],
  ])('read quoted-printable %j as %j', (text, plain) => {
    expect(Buffer.from(decodeQuotedPrintable(Buffer.from(text, 'latin1')).octets).toString('latin1')).toBe(
      plain,
    )
  })
})

describe('charsets', () => {
  const russian = Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4])
  it.each([
    [russian, 'koi8-r', 'Привет', false],
    [Buffer.from('Привет'), 'koi8-r', 'РџСЂРёРІРµС‚', false],
    [Buffer.from('Grüße'), 'iso-8859-1', 'Grüße', true],
    [Buffer.from('Grüße'), 'us-ascii', 'Grüße', true],
    [Buffer.from('Gr\xfc\xdfe', 'latin1'), 'utf-8', 'Grüße', true],
    [Buffer.from('plain'), 'utf-16le', 'plain', true],
    [Buffer.from('wide', 'utf16le'), 'utf-16le', 'wide', false],
    [Buffer.from('Hi +AOk-'), 'utf-7', 'Hi é', false],
    [Buffer.from([0x82]), 'cp437', 'é', false],
    [Buffer.from('\x1b$B$3$s\x1b(B', 'latin1'), 'iso-2022-jp', 'こん', false],
    [Buffer.from([0xc4, 0xe3, 0xba, 0xc3]), 'gb2312', '你好', false],
    [Buffer.from('abc\xe9', 'latin1'), 'no-such-charset', 'abcé', false],
    [Buffer.from('Grüße'), '', 'Grüße', false],
  ])('%j as %s', (octets, label, text, lied) => {
    if (label === 'koi8-r' && text.startsWith('Р')) {
      // Well-formed UTF-8 beats a single-octet label.
      expect(decodeCharset(octets, label)).toMatchObject({ text: 'Привет', lied: true })
    } else expect(decodeCharset(octets, label)).toMatchObject({ text, lied })
  })
})

describe('domains and links', () => {
  it.each([
    ['www.bank.example', 'bank.example'],
    ['a.b.bank.co.uk', 'bank.co.uk'],
    ['bank.com.br', 'bank.com.br'],
    ['evil.github.io', 'evil.github.io'],
    ['x.evil.github.io', 'evil.github.io'],
    ['a.de', 'a.de'],
    ['www.a.de', 'a.de'],
    ['192.0.2.7', '192.0.2.7'],
    ['localhost', 'localhost'],
    ['', ''],
  ])('registrable domain of %j is %j', (host, domain) => {
    expect(registrableDomain(host)).toBe(domain)
  })

  it.each([
    ['http://www.bank.example@evil.example/x', 'evil.example', ['userinfo']],
    ['http://3221226247/', '192.0.3.7', ['numeric-host']],
    ['http://0xC0.0.2.7/', '192.0.2.7', ['numeric-host']],
    ['http://ev%69l.example/', 'evil.example', ['encoded-host']],
    ['HTTPS:\\\\evil.example\\x', 'evil.example', []],
    ['http://ev\nil.example/', 'evil.example', []],
    ['//evil.example/x', 'evil.example', []],
    ['http://xn--bcher-kva.example/', 'bücher.example', ['punycode']],
    ['http://evil.example:8080/', 'evil.example', ['port']],
    ['mailto:a@b.example?subject=x', 'b.example', []],
    ['data:text/html,x', '', ['data']],
    ['javascript:alert(1)', '', ['script']],
    ['http://раypal.example/', 'раypal.example', ['mixed-script']],
  ])('%j leads to %j', (url, host, oddities) => {
    expect(urlFact(url, 'link')).toMatchObject({ host, oddities })
  })

  it.each(['#top', '', 'cid:part1', 'page.html/x', '/relative'])('%j leads nowhere', (url) => {
    expect(urlFact(url, 'link')?.host ?? '').not.toContain('/')
    if (url !== 'page.html/x') expect(urlFact(url, 'link')).toBeNull()
  })

  it.each([
    ['www.bank.example', 'bank.example'],
    ['https://login.bank.example/now', 'bank.example'],
    ['bank.com', 'bank.com'],
    ['Click here', ''],
    ['Read more.Click', ''],
    ['1.5 million', ''],
  ])('the text %j shows %j', (text, domain) => {
    expect(shownDomain(text)).toBe(domain)
  })

  it('are found in plain text', () => {
    expect(urlsInText('see http://a.example/x, (www.b.example) or https://c.example/?q=1.', 10)).toEqual([
      'http://a.example/x',
      'www.b.example',
      'https://c.example/?q=1',
    ])
  })
})

describe('attachments', () => {
  it.each([
    ['%PDF-1.7', 'application/pdf'],
    ['PK\x03\x04', 'application/zip'],
    ['MZ\x90', 'application/x-msdownload'],
    ['  <!DOCTYPE html>', 'text/html'],
    ['<svg xmlns=', 'image/svg+xml'],
    ['nothing', ''],
  ])('%j is %s', (octets, type) => {
    expect(sniffType(Buffer.from(octets, 'latin1'))).toBe(type)
  })

  it.each([
    ['invoice.pdf.exe', 'exe', ['double-extension']],
    ['a\u202efdp.exe', 'exe', ['direction-override']],
    ['plain.PDF', 'pdf', []],
    ['noext', '', []],
  ])('file name %j', (raw, ext, oddities) => {
    expect(readFileName(raw)).toMatchObject({ ext, oddities })
  })

  it.each([
    ['application/pdf', 'application/x-msdownload', true],
    ['image/png', 'text/html', true],
    ['image/png', 'image/jpeg', false],
    ['application/octet-stream', 'application/x-msdownload', false],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'application/zip', false],
    ['image/jpeg', '', false],
  ])('declared %s, really %s: lies %s', (declared, real, lies) => {
    expect(typeLies(declared, real)).toBe(lies)
  })
})

it.each([
  ['Please find the report for the meeting and let us know if you have questions', 'en'],
  ['Bitte überweisen Sie den Betrag und senden Sie uns eine Bestätigung mit der Nummer', 'de'],
  ['Nous vous prions de trouver ci-joint la facture pour votre commande et le reçu', 'fr'],
  ['Le enviamos la factura de su pedido y los datos para el pago por favor', 'es'],
  ['Срочно нужен перевод сегодня, ответьте на это письмо', 'ru'],
  ['Терміново потрібен переказ, відповідайте на цей лист сьогодні', 'uk'],
  ['免费发票代开，请联系我们的客服', 'zh'],
  ['ご請求書を添付いたしますのでご確認ください', 'ja'],
  ['무료 상품권을 받으세요 지금 클릭', 'ko'],
  ['اربح جائزة الآن اضغط هنا للحصول على المال', 'ar'],
  ['12345 67890', ''],
])('%j is in %j', (text, language) => {
  expect(guessLanguage(text)).toBe(language)
})
