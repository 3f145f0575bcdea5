import type { MailDocument } from '../src/index.ts'

/** A document with only a subject and a text. */
export function mailOf(subject: string, text: string, more: Partial<MailDocument> = {}): MailDocument {
  return {
    fields: [
      { key: 'from', name: 'From', value: 'A <a@a.example>' },
      { key: 'subject', name: 'Subject', value: subject },
    ],
    from: { name: 'A', address: 'a@a.example', host: 'a.example', domain: 'a.example' },
    replyTo: null,
    to: { count: 0, mailboxes: [] },
    subject,
    messageId: 'x@a.example',
    listId: '',
    text,
    alternativeText: '',
    hiddenText: '',
    altText: '',
    attachedText: '',
    language: '',
    urls: [],
    attachments: [],
    parts: [{ type: 'text/plain', charset: 'utf-8', encoding: '8bit', disposition: '', depth: 0 }],
    html: null,
    defects: [],
    ...more,
  }
}

const GOOD = [
  'meeting',
  'report',
  'tomorrow',
  'project',
  'review',
  'schedule',
  'garden',
  'dinner',
  'train',
  'paper',
]
const BAD = ['winner', 'casino', 'pills', 'bitcoin', 'claim', 'prize', 'offer', 'urgent', 'loan', 'discount']

/** The `n`th made-up message of a class, by arithmetic alone. */
export function sample(label: 'ham' | 'spam', n: number): MailDocument {
  const words = label === 'ham' ? GOOD : BAD
  const pick = (k: number): string => words[(n * 7 + k * 3 + ((n * k) % 5)) % words.length] as string
  const text = Array.from({ length: 30 }, (_, k) => (k % 3 === 0 ? `word${(n + k) % 40}` : pick(k))).join(' ')
  return mailOf(`${pick(1)} ${pick(2)}`, text)
}
