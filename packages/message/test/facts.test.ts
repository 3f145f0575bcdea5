import { describe, expect, it } from 'vitest'
import { factsOf } from '../src/index.ts'

function mail(...lines: string[]): Uint8Array {
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

describe('facts of an ordinary message', () => {
  const facts = factsOf(
    mail(
      'From: "Anna, M." <anna@mail.acme.co.uk>',
      'To: Bob <bob@b.example>, c@c.example (Carl)',
      'Cc: Friends: d@d.example, e@e.example;',
      'Reply-To: other@evil.example',
      'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
      ' =?iso-8859-1?B?IGF1cyBL9mxu?=',
      'Date: Mon, 02 Nov 2026 10:00:00 +0100',
      'Message-ID: <1@acme.co.uk>',
      'List-Id: News <news.acme.co.uk>',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b1',
      '',
      'preamble',
      '--b1',
      'Content-Type: multipart/alternative; boundary="b2"',
      '',
      '--b2',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Plain caf=C3=A9 =',
      'text',
      '--b2',
      'Content-Type: text/html; charset=windows-1252',
      '',
      '<p>Shown <b>te</b>xt &eacute;</p><p style="display:none">secret words</p>',
      '<a href="http://login.evil.example/x">www.bank.example</a>',
      '--b2--',
      '--b1',
      'Content-Type: application/pdf; name="a.pdf"',
      "Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.pdf.exe",
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('MZ\x90\0program', 'latin1').toString('base64'),
      '--b1--',
      'epilogue',
    ),
  )

  it('has the header in words', () => {
    expect(facts.subject).toBe('Grüße aus Köln')
    expect(facts.from).toEqual({
      name: 'Anna, M.',
      address: 'anna@mail.acme.co.uk',
      host: 'mail.acme.co.uk',
      domain: 'acme.co.uk',
    })
    expect(facts.replyTo?.domain).toBe('evil.example')
    expect(facts.to.count).toBe(4)
    expect(facts.to.mailboxes.map(({ address }) => address)).toEqual([
      'bob@b.example',
      'c@c.example',
      'd@d.example',
      'e@e.example',
    ])
    expect(facts.dateMs).toBe(Date.UTC(2026, 10, 2, 9))
    expect(facts.listId).toBe('news.acme.co.uk')
  })

  it('has the text a reader sees, and apart from it what they do not', () => {
    expect(facts.text).toBe('Shown text é\nwww.bank.example')
    expect(facts.alternativeText).toBe('Plain café text')
    expect(facts.hiddenText).toBe('secret words')
  })

  it('has links and attachments', () => {
    expect(facts.urls[0]).toMatchObject({
      host: 'login.evil.example',
      domain: 'evil.example',
      textDomain: 'bank.example',
      place: 'link',
    })
    expect(facts.attachments).toMatchObject([
      {
        name: '€.pdf.exe',
        ext: 'exe',
        type: 'application/pdf',
        realType: 'application/x-msdownload',
        sizeOctets: 11,
      },
    ])
    expect(facts.attachments[0]?.oddities).toContain('double-extension')
    expect(facts.parts.map(({ type, depth }) => `${depth} ${type}`)).toEqual([
      '0 multipart/mixed',
      '1 multipart/alternative',
      '2 text/plain',
      '2 text/html',
      '1 application/pdf',
    ])
    expect(facts.defects).toEqual(['type-lies'])
  })
})
