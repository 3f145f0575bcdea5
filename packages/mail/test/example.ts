import {
  canonicalAddress,
  disposeByScore,
  fillReply,
  latin1Octets,
  latin1Text,
  parsePath,
  REPLIES,
  removeForeignFields,
  toStoredForm,
} from '../src/index.ts'

// Octets in any line-end form become stored form: CRLF, a final CRLF, not dot-stuffed.
const { octets, form } = toStoredForm(latin1Octets('X-Spam-Flag: NO\nSubject: Hello\n\n.dot'))
console.log(form)

// What only we may say about a message is taken out of its header.
const header = removeForeignFields(octets.subarray(0, form.bodyOffset), 'mx.acme.example')
console.log(header.removed, latin1Text(header.octets))

// An address, the verdict of a score, a reply of the catalogue.
const anna = parsePath('Anna@ACME.example')
if (anna) console.log(canonicalAddress(anna))
console.log(disposeByScore(6.3, { tag: 6, quarantine: 9, reject: 18 }).disposition)
const { code, enhanced, text } = fillReply(REPLIES['unknown-recipient'], { address: 'bo@acme.example' })
console.log(`${code} ${enhanced} ${text}`)
