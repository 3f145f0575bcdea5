import { disposeByScore, latin1Octets } from '@restante/mail'
import { createJudgePool, lessonOf, loadFold, resolveThresholds, verdictLine } from '../src/index.ts'

const pool = createJudgePool({ deadlineMs: 10_000 })
const fold = await loadFold()
const spam = (i: number) =>
  latin1Octets(
    `From: win${i}@prize.example\r\nSubject: You won ${i}\r\n\r\nClaim your free casino jackpot now\r\n`,
  )
const good = (i: number) =>
  latin1Octets(
    `From: marie@verein.example\r\nSubject: Minutes ${i}\r\n\r\nSee you on Thursday at the station\r\n`,
  )

// What people say about messages becomes lessons; every worker learns them.
for (let i = 0; i < 10; i++) {
  const [bad, fine] = [await lessonOf(spam(i), fold), await lessonOf(good(i), fold)]
  pool.teach([
    { action: 'learn', label: 'spam', features: bad.features },
    { action: 'learn', label: 'ham', features: fine.features },
  ])
}

// A new message is judged off the event loop; what goes wrong is a value, never a lost message.
const judged = await pool.judge(spam(99))
if ('failed' in judged) throw new Error(judged.detail)

// What is done with it is each recipient's own matter.
const overrides = [{ domain: 'acme.example', tag: 3, why: 'they asked for it' }]
const global = { tag: 6, quarantine: 9, reject: 18 }
const { thresholds } = resolveThresholds('anna@acme.example', global, overrides)
const verdict = { ...judged, ...disposeByScore(judged.score, thresholds) }
console.log(verdict.symbols[0]?.symbol)
console.log(verdictLine(verdict))
await pool.close()
