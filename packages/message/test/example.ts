import { factsOf, lookDeep } from '../src/index.ts'

const octets = Buffer.from(
  [
    'From: "Your Bank" <help@cheap.example>',
    'Subject: =?utf-8?q?Confirm_your_account?=',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>Confirm at <a href="http://login.evil.example/x">www.bank.example</a></p>',
    '<p style="display:none">minutes of the garden club</p>',
  ].join('\r\n'),
)

// The hot path: at once, whatever the octets are.
const facts = factsOf(octets)
console.log(facts.from?.name, facts.from?.domain, facts.subject)
console.log(facts.text, '|', facts.hiddenText)
console.log(facts.urls[0]?.textDomain, '->', facts.urls[0]?.domain)
console.log(facts.defects.join())

// The deep look: in a worker, with a deadline; what goes wrong is a value.
const look = await lookDeep(octets, { deadlineMs: 10_000 })
console.log('failed' in look ? look.failed : look.subject)
