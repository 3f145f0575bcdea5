import { utf8Octets } from '@restante/mail'

const PRIZES = ['casino', 'lottery', 'pills', 'jackpot', 'replica watches', 'crypto doubling']
const TASKS = [
  'the quarterly report',
  'the garden party',
  'the train to Lyon',
  'the minutes',
  'the new printer',
  'the lease',
]

/** A message in stored form. */
export function mail(fields: Readonly<Record<string, string>>, body: string): Uint8Array {
  const header = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return utf8Octets(`${header.join('')}\r\n${body.replace(/\r?\n/g, '\r\n')}\r\n`)
}

export function spamMail(i: number): Uint8Array {
  const prize = PRIZES[i % PRIZES.length] as string
  return mail(
    {
      From: `"Winner Desk ${i}" <claim${i}@prize-${i}.example>`,
      To: 'anna@acme.example',
      Subject: `You WON the ${prize}! Claim now ${i}`,
      Date: 'Sun, 22 Nov 2026 07:05:09 +0000',
      'Message-ID': `<w${i}@prize-${i}.example>`,
    },
    `Congratulations, dear winner number ${i}!\nYour ${prize} bonus of $${i}00,000 is waiting.\nClick http://claim.prize-${i}.example/?id=${i} before midnight, guaranteed free money, no risk, act now.`,
  )
}

export function hamMail(i: number): Uint8Array {
  const task = TASKS[i % TASKS.length] as string
  return mail(
    {
      From: `"Marie Weber" <marie@verein.example>`,
      To: 'anna@acme.example',
      Subject: `About ${task} (${i})`,
      Date: 'Sun, 22 Nov 2026 07:05:09 +0000',
      'Message-ID': `<h${i}@verein.example>`,
    },
    `Hello Anna,\n\nthanks for your note about ${task}. I have put it on the agenda for Thursday, item ${i}.\nCould you bring the folder from the office? See you at the station.\n\nBest wishes\nMarie`,
  )
}
