import { describe, expect, it } from 'vitest'
import { DEFAULT_FACT_LIMITS, factsOf } from '../src/index.ts'

const OCTETS = 1_000_000
const HEADER =
  'From: a@b.example\r\nSubject: x\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@b.example>\r\n'

function fill(text: string, octets = OCTETS): string {
  return text.repeat(Math.ceil(octets / text.length))
}
function body(type: string, text: string, field = ''): string {
  return `${HEADER}${field}Content-Type: ${type}\r\n\r\n${text}`
}
const QP = 'Content-Transfer-Encoding: quoted-printable\r\n'
const B64 = 'Content-Transfer-Encoding: base64\r\n'

/** Shapes that cost some parser more than linear time; a superlinear walk would run into the test's time-out. */
const SHAPES: Readonly<Record<string, readonly [message: string, ...defects: string[]]>> = {
  'blanks in quoted-printable': [body('text/plain', `x${fill(' ')}`, QP)],
  'escapes before blanks': [body('text/plain', fill(`=${' '.repeat(999)}`), QP), 'bad-quoted-printable'],
  'a folded subject': [`Subject: ${fill('a\r\n ')}\r\n\r\nx`, 'long-header'],
  'many subjects': [`${fill('Subject: x\r\n')}\r\nx`, 'long-header', 'many-subjects'],
  'RFC 2231 pieces': [
    `Content-Type: text/plain; ${Array.from({ length: 80_000 }, (_, i) => `a*${i}*=x`).join(';')}\r\n\r\nx`,
    'long-header',
  ],
  'encoded words': [`Subject: ${fill('=?utf-8?q?a?= ')}\r\n\r\nx`, 'long-header'],
  'beginnings of encoded words': [`Subject: ${fill('=?')}\r\n\r\nx`, 'long-header'],
  recipients: [`To: ${fill('a@b.example, ')}\r\n\r\nx`, 'long-header'],
  'open comments': [`To: ${fill('(')}\r\n\r\nx`, 'long-header'],
  'open quotes': [`To: ${fill('"a')}\r\n\r\nx`, 'long-header'],
  'nested elements': [body('text/html', fill('<div>'))],
  'elements and foreign ends': [body('text/html', fill('<p>', OCTETS / 2) + fill('</x>', OCTETS / 2))],
  'less-than signs': [body('text/html', fill('<'))],
  'open HTML comments': [body('text/html', fill('<!--'))],
  'open attribute quotes': [body('text/html', `<a b="${fill("<c d='")}`)],
  'style sheets': [body('text/html', fill('<style>.a{display:none}</style>'))],
  'open at-rules': [body('text/html', `<style>${fill('@a{')}`)],
  ampersands: [body('text/html', fill('&#x'))],
  'one long word': [body('text/plain', fill('a'))],
  'hosts without end': [body('text/plain', `www.${fill('a.')}`)],
  'combining marks': [body('text/plain; charset=utf-8', `a${fill('\u0301')}`)],
  'attached messages': [fill('Content-Type: message/rfc822\r\n\r\n'), 'too-deep'],
  multiparts: [
    HEADER +
      Array.from(
        { length: 12_000 },
        (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
      ).join(''),
    'too-deep',
  ],
  'many parts': [body('multipart/mixed; boundary=b', fill('--b\r\n\r\nx\r\n')), 'too-many-parts'],
  'lines that are nearly boundaries': [
    body('multipart/mixed; boundary=b', fill('--bb\r\n')),
    'unclosed-multipart',
  ],
  'base64 of nothing': [body('text/plain', fill('*'), B64), 'bad-base64'],
  'a header without end': [fill('X: y\r\n'), 'long-header', 'no-body'],
  'lines that are no fields': [fill('x\r\n'), 'bad-header-line'],
}

describe('a megabyte of', () => {
  it.each(Object.entries(SHAPES))('%s gives bounded facts', (_name, [message, ...defects]) => {
    const facts = factsOf(Buffer.from(message, 'utf8'))
    expect(facts.defects).toEqual(expect.arrayContaining(defects))
    expect(facts.text.length).toBeLessThanOrEqual(DEFAULT_FACT_LIMITS.textCharacters + 1)
    expect(facts.parts.length).toBeLessThanOrEqual(DEFAULT_FACT_LIMITS.parts)
    expect(facts.fields.length).toBeLessThanOrEqual(DEFAULT_FACT_LIMITS.fields)
    expect(facts.urls.length).toBeLessThanOrEqual(DEFAULT_FACT_LIMITS.urls)
  })

  it('links keeps the first ones', () => {
    const facts = factsOf(
      Buffer.from(
        body(
          'text/html',
          Array.from({ length: 40_000 }, (_, i) => `<a href=http://a.example/${i}>x</a>`).join(''),
        ),
      ),
    )
    expect(facts.urls.length).toBe(DEFAULT_FACT_LIMITS.urls)
    expect(facts.defects).toContain('too-many-urls')
  })
})

it('a hundred megabytes of nested parts give facts with defects', () => {
  const octets = Buffer.alloc(100_000_000)
  octets.fill(
    Array.from(
      { length: 5000 },
      (_, i) => `Content-Type: multipart/mixed; boundary=bb${i}\r\n\r\n--bb${i}\r\n`,
    ).join(''),
  )
  const facts = factsOf(octets)
  expect(facts.defects).toEqual(expect.arrayContaining(['too-deep', 'unclosed-multipart', 'long-text']))
})
