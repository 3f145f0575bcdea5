import { latin1Octets, latin1Text } from '@restante/mail'
import { expect, test } from 'vitest'
import { ReplyReader } from '../../src/index.ts'

const WIRE = '+OK 3\r\n1 id\r\n..2 x\r\n.\r\n+OK msg\r\nA: b\r\n\r\n..dot\r\n.\r\n-ERR no\n+OK\r\n'

/** Reads the whole of WIRE, pushed as the chunks say. */
function readAll(chunks: readonly Uint8Array[]): string[] {
  const reader = new ReplyReader()
  const left = [...chunks]
  const said: string[] = []
  const wait = <T>(next: () => T | 'more'): T => {
    for (;;) {
      const found = next()
      if (found !== 'more') return found as T
      const chunk = left.shift()
      if (chunk === undefined) throw new Error('nothing left to push')
      reader.push(chunk)
    }
  }
  const line = () => said.push(latin1Text(wait(() => reader.nextLine(100)) as Uint8Array))
  line()
  for (;;) {
    const listed = wait(() => reader.nextListingLine(100))
    if (listed === 'end') break
    said.push(latin1Text(listed as Uint8Array))
  }
  line()
  let text = ''
  for (;;) {
    const piece = wait(() => reader.nextContent())
    if (piece === 'end') break
    text += latin1Text(piece as Uint8Array)
  }
  said.push(text)
  line()
  line()
  expect(reader.heldOctets).toBe(0)
  expect(reader.nextLine(100)).toBe('more')
  return said
}

const EXPECTED = ['+OK 3', '1 id', '.2 x', '+OK msg', 'A: b\r\n\r\n.dot\r\n', '-ERR no', '+OK']

test('lines, listings and messages in one chunk, octet by octet, and cut anywhere', () => {
  const octets = latin1Octets(WIRE)
  expect(readAll([octets])).toEqual(EXPECTED)
  expect(readAll(Array.from(octets, (octet) => Uint8Array.of(octet)))).toEqual(EXPECTED)
  for (let at = 1; at < octets.length; at++)
    expect(readAll([octets.subarray(0, at), octets.subarray(at)])).toEqual(EXPECTED)
})

test.each([1, 7, 100])('a line may have exactly its limit, pushed by %i octets', (size) => {
  const push = (text: string) => {
    const reader = new ReplyReader()
    for (let at = 0; at < text.length; at += size) reader.push(latin1Octets(text.slice(at, at + size)))
    return reader
  }
  expect(latin1Text(push(`${'x'.repeat(48)}\r\n`).nextLine(50) as Uint8Array)).toBe('x'.repeat(48))
  expect(push(`${'x'.repeat(49)}\r\n`).nextLine(50)).toBe('too-long')
  expect(push('x'.repeat(51)).nextLine(50)).toBe('too-long')
  expect(push('x'.repeat(50)).nextLine(50)).toBe('more')
})
