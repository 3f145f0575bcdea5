import {
  bandOf,
  createModel,
  decodeModel,
  encodeModel,
  extractFeatures,
  type MailDocument,
} from '../src/index.ts'

// `factsOf` of @restante/message makes such documents from octets.
const mail = (from: string, subject: string, text: string): MailDocument => ({
  fields: [{ key: 'subject', name: 'Subject', value: subject }],
  from: { name: '', address: `info@${from}`, host: from, domain: from },
  replyTo: null,
  to: { count: 1, mailboxes: [] },
  subject,
  text,
  messageId: '',
  listId: '',
  alternativeText: '',
  hiddenText: '',
  altText: '',
  attachedText: '',
  language: 'en',
  urls: [],
  attachments: [],
  parts: [],
  html: null,
  defects: [],
})

const model = createModel()
for (let i = 0; i < 10; i++) {
  model.learn(
    extractFeatures(mail('club.example', `Minutes ${i}`, 'see you on Thursday at the station')),
    'ham',
  )
  model.learn(
    extractFeatures(mail(`win${i}.example`, `You won ${i}`, 'claim your casino jackpot now')),
    'spam',
  )
}

const verdict = model.classify(
  extractFeatures(mail('win99.example', 'You won', 'your jackpot waits, claim it now')),
)
console.log(bandOf(verdict.probability), verdict.evidence[0]?.[0])
console.log(model.describe())

// A mistake is taken back, and the model goes to disk and comes again.
const wrong = extractFeatures(mail('club.example', 'Garden party', 'claim your seat at the station'))
const receipt = model.learn(wrong, 'spam')
model.unlearn(wrong, 'spam', receipt)
model.learn(wrong, 'ham')
console.log(decodeModel(encodeModel(model)).counts)
