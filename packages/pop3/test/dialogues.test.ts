import { readdirSync, readFileSync } from 'node:fs'
import { type Cut, parseDialogue, replay } from '@restante/transcript'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorePeer } from './core-peer.ts'
import { buildWorld } from './world.ts'

const folder = new URL('dialogues/', import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith('.dialogue'))

describe('dialogues with the core', () => {
  test.each(files)('%s', async (file) => {
    const dialogue = parseDialogue(readFileSync(new URL(file, folder), 'utf8'), file)
    const run = async (cut: Cut) => replay(dialogue, new CorePeer(buildWorld(dialogue)), cut)
    const said = await run('turns')
    expect(await run('whole')).toBe(said)
    expect(await run('octets')).toBe(said)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
        async (cuts) => {
          let at = 0
          expect(await run(() => cuts[at++ % cuts.length] as number)).toBe(said)
        },
      ),
      { numRuns: 8 },
    )
  })
})
