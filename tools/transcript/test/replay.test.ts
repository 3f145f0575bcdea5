import { describe, expect, test } from 'vitest'
import { type Cut, type Peer, parseDialogue, ReplayError, replay, spell } from '../src/index.ts'

/** Answers every CRLF line with its own text, upper case; `! quiet` makes it say nothing. */
function echo(): Peer {
  let held = ''
  let said = ''
  let quiet = false
  return {
    push(octets) {
      held += Buffer.from(octets).toString('latin1')
      for (let end = held.indexOf('\r\n'); end >= 0; end = held.indexOf('\r\n')) {
        if (!quiet) said += `${held.slice(0, end).toUpperCase()}\r\n`
        held = held.slice(end + 2)
      }
    },
    said() {
      const text = said
      said = ''
      return Buffer.from(text)
    },
    event(name) {
      if (name !== 'quiet') throw new Error(`unknown event ${name}`)
      quiet = true
    },
  }
}

const CUTS: readonly Cut[] = ['turns', 'whole', 'octets', () => 3]

describe('replay', () => {
  test.each(CUTS)('fits, cut %s', async (cut) => {
    const dialogue = parseDialogue(
      '# a remark\nC: abc\nS: ABC\nC~ d\nC~ ef\\r\\n\nS~ D.F\n! quiet\nC: x\n',
      'good',
    )
    expect(dialogue.remarks).toEqual(['a remark'])
    expect(await replay(dialogue, echo(), cut)).toBe('ABC\r\nDEF\r\n')
  })

  test.each([
    ['C: abc\nS: abc\n', 'bad:2: expected abc, got "ABC"'],
    ['C: abc\nS~ AB\n', 'bad:2: expected /^(?:AB)$/u, got "ABC"'],
    ['C: abc\nS: ABC\nS: more\n', 'bad:3: expected more, got nothing more'],
    ['C: abc\n', 'bad:1: more was said: "ABC\\r\\n"'],
    ['! loud\n', 'bad:1: Error: unknown event loud'],
  ])('%j does not fit', async (text, message) => {
    await expect(replay(parseDialogue(text, 'bad'), echo(), 'whole')).rejects.toThrow(
      new ReplayError(message),
    )
  })

  test.each(['X: y', 'C:abc', 'S~ (', 'C: \\q'])('%j is no dialogue', (text) => {
    expect(() => parseDialogue(text, 'bad')).toThrow(/^bad:1: /)
  })

  test('escapes', () => {
    expect(Buffer.from(spell('a\\x00\\r\\n\\\\\\{bc\\n*2}é')).toString('utf8')).toBe('a\0\r\n\\bc\nbc\né')
  })

  test('settings are handed on', () => {
    const { settings } = parseDialogue('= account anna a b\n= secure\n', 'x')
    expect(settings).toEqual([
      { line: 1, name: 'account', rest: 'anna a b' },
      { line: 2, name: 'secure', rest: '' },
    ])
  })
})
