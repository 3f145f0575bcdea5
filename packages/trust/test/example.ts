import { authenticateMail, createListLookup, forwardConfirmed, trustSymbols } from '../src/index.ts'
import { zoneResolver } from '../src/testkit/index.ts'

// In earnest: createResolver(). Here DNS is data.
const resolver = zoneResolver({
  'bank.example': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
  '_dmarc.bank.example': { TXT: ['v=DMARC1; p=reject'] },
  '7.113.0.203.zen.example': { A: ['127.0.0.2'] },
})
const zen = { zone: 'zen.example', kind: 'ip', name: 'ZEN', answers: { '127.0.0.2': { weight: 5 } } } as const
const lists = createListLookup({ lists: [zen], resolver })

const clientIp = '203.0.113.7'
const message = 'From: "Your bank" <help@bank.example>\r\nSubject: Your account\r\n\r\nClick here.\r\n'
const [authentication, reverse, listed] = await Promise.all([
  authenticateMail({
    octets: new TextEncoder().encode(message),
    clientIp,
    helo: 'pc.example',
    reversePath: { localPart: 'help', domain: 'bank.example' },
    hostname: 'mx.acme.example',
    resolver,
    deadlineMs: 5_000,
  }),
  forwardConfirmed(clientIp, resolver),
  lists.checkIp(clientIp),
])

console.log(authentication.fields)
for (const { symbol, score, why } of trustSymbols({ authentication, reverse, lists: [listed] }))
  console.log(`${score} ${symbol}: ${why}`)
