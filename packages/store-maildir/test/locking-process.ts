import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { openMaildirStore } from '../src/index.ts'
import { deliverOne, inbox, randomMessage } from './deliveries.ts'

/**
 * A process that does to a store what it is told on standard input, one answer a line: `lock`, `unlock`, `claim NAME`,
 * `deliver COUNT`, `empty`, `look COUNT`, `race COUNT` (opens and closes the maildrop COUNT times, counting when it was in use and checking
 * that tokens grow), `close`.
 */
const [directory, account] = process.argv.slice(2) as [string, string]
const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}
const store = await openMaildirStore({ directory, floorOctets: 0 })
let held: AsyncDisposable | null = null
say('ready')

async function race(count: number): Promise<string> {
  let got = 0
  let last = 0
  while (got < count) {
    const opened = await store.open(inbox(account))
    if ('failed' in opened) {
      await new Promise((resolve) => setImmediate(resolve))
      continue
    }
    const { token } = opened.maildrop
    if (token <= last) return `token ${token} after ${last}`
    last = token
    // Alone in here: what one holder writes, no other may see while it has the lock.
    const before = (await store.directory.domain('race.example'))?.catchAll ?? null
    if (before !== null) return `not alone: ${before}`
    await store.directory.putDomain({ name: 'race.example', catchAll: `${process.pid}@race.example` })
    await store.directory.putDomain({ name: 'race.example', catchAll: null })
    got++
    await opened.maildrop[Symbol.asyncDispose]()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return `won ${got}`
}

for await (const line of createInterface({ input: process.stdin })) {
  const [word, argument] = line.split(' ')
  if (word === 'lock') {
    const opened = await store.open(inbox(account))
    if ('maildrop' in opened) held = opened.maildrop
    say('failed' in opened ? opened.failed : `locked ${opened.maildrop.token}`)
  } else if (word === 'unlock') {
    await held?.[Symbol.asyncDispose]()
    say('unlocked')
  } else if (word === 'claim') {
    say((await store.claim(argument as string)) ? 'claimed' : 'taken')
  } else if (word === 'deliver') {
    const ids = await Promise.all(
      Array.from({ length: Number(argument) }, () => deliverOne(store, account, randomMessage(300))),
    )
    say(`delivered ${ids.length}`)
  } else if (word === 'empty') {
    // One by one, so that others look in between.
    let count = 0
    for (;;) {
      const opened = await store.open(inbox(account))
      if ('failed' in opened) throw new Error(opened.failed)
      await using maildrop = opened.maildrop
      if (maildrop.listing.count === 0) break
      await maildrop.commit([0])
      count++
    }
    say(`emptied ${count}`)
  } else if (word === 'look') {
    for (let i = 0; i < Number(argument); i++) {
      await store.directory.usage(account)
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    say('looked')
  } else if (word === 'race') {
    say(await race(Number(argument)))
  } else {
    await store[Symbol.asyncDispose]()
    say('closed')
    process.exit(0)
  }
}
