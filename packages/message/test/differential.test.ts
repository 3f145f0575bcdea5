import { afterAll, describe, expect, it } from 'vitest'
import { findArchive, loadCorpus } from '../../../tools/corpus/src/labelled-mail.ts'
import { factsOf, lookDeep, stopDeepLooks } from '../src/index.ts'
import { mail, textMail } from './support.ts'

afterAll(stopDeepLooks)

/** Words of three and more letters; mailparser writes addresses of links into its text, so those do not count. */
function words(text: string): Set<string> {
  return new Set(
    text
      .replace(/\[?https?:[^\s\]]+\]?/g, ' ')
      .toLowerCase()
      .match(/\p{L}{3,}/gu) ?? [],
  )
}

interface Agreement {
  readonly subject: boolean
  readonly from: boolean
  readonly to: boolean
  readonly attachments: boolean
  /** Share of mailparser's words that our walk sees too. */
  readonly words: number
}

async function compare(octets: Uint8Array): Promise<Agreement | null> {
  const deep = await lookDeep(octets, { deadlineMs: 10_000 })
  if ('failed' in deep) return null
  const facts = factsOf(octets)
  const flat = (text: string): string => text.replace(/\s+/g, ' ').trim()
  const list = (mailboxes: readonly { readonly address: string }[]): string =>
    mailboxes
      .map(({ address }) => address.toLowerCase())
      .filter((address) => address !== '')
      .sort()
      .slice(0, 100)
      .join()
  const ours = words(`${facts.text}\n${facts.alternativeText}\n${facts.hiddenText}`)
  const theirs = [...words(deep.text)]
  return {
    subject: flat(deep.subject) === flat(facts.subject),
    from: (deep.from[0]?.address ?? '').toLowerCase() === (facts.from?.address ?? '').toLowerCase(),
    to: list(deep.to) === list(facts.to.mailboxes),
    attachments: deep.attachments.length === facts.attachments.length,
    words: theirs.length === 0 ? 1 : theirs.filter((word) => ours.has(word)).length / theirs.length,
  }
}

const FIXTURES: Readonly<Record<string, Uint8Array>> = {
  plain: textMail('text/plain; charset=utf-8', 'some plain words\r\nand more of them\r\n'),
  html: textMail('text/html; charset=utf-8', '<p>some <b>bold</b> words</p><ul><li>first<li>second</ul>'),
  'quoted-printable': textMail(
    'text/plain; charset=iso-8859-1',
    'caf=E9 au =\r\nlait',
    'Content-Transfer-Encoding: quoted-printable',
  ),
  base64: textMail('text/plain; charset=koi8-r', '8NLJ18XUINcg7c/Ty9fF', 'Content-Transfer-Encoding: base64'),
  'two alternatives': mail(
    'From: "A, B" <a@a.example>',
    'To: x@x.example, Group: y@y.example, z@z.example;',
    'Subject: =?utf-8?q?one?= =?utf-8?q?_two?=',
    'Content-Type: multipart/alternative; boundary="=_b"',
    '',
    '--=_b',
    'Content-Type: text/plain',
    '',
    'plain words here',
    '--=_b',
    'Content-Type: text/html',
    '',
    '<p>plain words here</p>',
    '--=_b--',
  ),
  'an unclosed multipart': mail(
    'From: a@a.example',
    'Subject: cut',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'first part words',
    '--b',
    'Content-Type: image/png; name=a.png',
    'Content-Transfer-Encoding: base64',
    '',
    'iVBORw0KGgo=',
  ),
}

describe('our walk and mailparser agree on', () => {
  it.each(Object.entries(FIXTURES))('%s', async (_name, octets) => {
    expect(await compare(octets)).toEqual({
      subject: true,
      from: true,
      to: true,
      attachments: true,
      words: 1,
    })
  })

  const archive = findArchive(process.env['RESTANTE_CORPUS'])
  it.skipIf(archive === null)(
    `every 20th message of the developer corpus${archive === null ? ' (skipped: RESTANTE_CORPUS names no archive)' : ''}`,
    async () => {
      const { shuffled } = loadCorpus(archive as string)
      const sums = { subject: 0, from: 0, to: 0, attachments: 0, words: 0 }
      let compared = 0
      for (let i = 0; i < shuffled.length; i += 20) {
        const agreement = await compare((shuffled[i] as { octets: Uint8Array }).octets)
        if (agreement === null) continue
        compared++
        sums.subject += Number(agreement.subject)
        sums.from += Number(agreement.from)
        sums.to += Number(agreement.to)
        sums.attachments += Number(agreement.attachments)
        sums.words += agreement.words
      }
      expect(compared).toBeGreaterThan(280)
      // They differ where mailparser reads raw 8-bit subjects as UTF-8 only, and quotes local parts.
      expect(sums.subject / compared).toBeGreaterThan(0.98)
      expect(sums.from / compared).toBeGreaterThan(0.98)
      expect(sums.to / compared).toBeGreaterThan(0.98)
      expect(sums.attachments / compared).toBeGreaterThan(0.99)
      expect(sums.words / compared).toBeGreaterThan(0.99)
    },
    120_000,
  )
})
