import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Cut, replay } from './replay.ts'

const FOLDER = new URL('dialogues/', import.meta.url)
const CUTS: readonly Cut[] = ['line by line', 'octet by octet', 'all at once']

describe.each(CUTS)('dialogues, %s', (cut) => {
  test.each(readdirSync(FOLDER).sort())('%s', async (name) => {
    const { said, expected } = await replay(readFileSync(new URL(name, FOLDER), 'utf8'), cut)
    expect(said).toEqual(expected)
  })
})
