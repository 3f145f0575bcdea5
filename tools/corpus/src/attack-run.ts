import { factsOf } from '@restante/message'
import { ATTACKS, attackInput } from './attacks.ts'
import type { LabelledMail } from './labelled-mail.ts'
import type { Contestant } from './ours.ts'

/** Share of spam caught under one attack, in %: called spam, and not called ham. */
export interface Caught {
  readonly attack: string
  readonly spam: number
  readonly notHam: number
  readonly meanScore: number
}

const WORD = /\p{L}{3,15}/gu

/** Words of good mail, in an order that depends on `seed` alone. */
function goodWordsOf(mails: readonly LabelledMail[], seed: number): readonly string[] {
  const words: string[] = []
  for (let i = 0; i < 40; i++) {
    const mail = mails[(seed * 131 + i * 17) % mails.length] as LabelledMail
    words.push(...(factsOf(mail.octets).text.slice(0, 2000).match(WORD) ?? []))
  }
  return words.map((_, index) => words[(index * 7919 + seed) % words.length] as string)
}

/**
 * Trains on nine messages of ten, then attacks with every tenth spam that the training calls spam as it is: what
 * matters is how many of those an attack brings through.
 */
export async function runAttacks(
  contestant: Contestant,
  mails: readonly LabelledMail[],
  most = 180,
): Promise<readonly Caught[]> {
  await contestant.reset()
  for (const [index, mail] of mails.entries())
    if (index % 10 !== 0) await contestant.train(mail.octets, mail.label)
  const tested = mails.filter((_, index) => index % 10 === 0)
  const good = tested.filter(({ label }) => label === 'ham')
  const spam: LabelledMail[] = []
  for (const mail of tested) {
    if (mail.label === 'spam' && spam.length < most && factsOf(mail.octets).text.length > 100) {
      if ((await contestant.score(mail.octets)).called === 'spam') spam.push(mail)
    }
  }
  const inputs = spam.map((mail, index) =>
    attackInput(mail.octets, (good[index % good.length] as LabelledMail).octets, goodWordsOf(good, index)),
  )
  const results: Caught[] = []
  for (const [attack, make] of Object.entries(ATTACKS)) {
    let caught = 0
    let notHam = 0
    let sum = 0
    for (const input of inputs) {
      const { called, score } = await contestant.score(make(input))
      if (called === 'spam') caught++
      if (called !== 'ham') notHam++
      sum += score
    }
    results.push({
      attack,
      spam: (100 * caught) / inputs.length,
      notHam: (100 * notHam) / inputs.length,
      meanScore: sum / inputs.length,
    })
  }
  return results
}

/** {@link runAttacks} as a table. */
export async function attackTable(contestant: Contestant, mails: readonly LabelledMail[]): Promise<string> {
  const rows = await runAttacks(contestant, mails)
  return [
    `attack                      caught %  not passed as ham %  mean score   (${contestant.name})`,
    ...rows.map(({ attack, spam, notHam, meanScore }) =>
      [
        attack.padEnd(27),
        spam.toFixed(1).padStart(8),
        notHam.toFixed(1).padStart(19),
        meanScore.toFixed(2).padStart(12),
      ].join(' '),
    ),
    '',
  ].join('\n')
}
