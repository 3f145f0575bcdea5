import { expect, test } from 'vitest'
import { EVERY_RECORD, parseRecordQuery, searchWords } from '../src/index.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 12)

test.each<readonly [string, object]>([
  ['', {}],
  [
    'two words',
    {
      texts: [
        { field: 'any', words: ['two'], started: false },
        { field: 'any', words: ['words'], started: false },
      ],
    },
  ],
  [
    'FROM:x subject:"a b"',
    {
      texts: [
        { field: 'from', words: ['x'], started: false },
        { field: 'subject', words: ['a', 'b'], started: false },
      ],
    },
  ],
  [
    'after:2026-11-01 before:2026-11-02T10:30',
    { afterMs: Date.UTC(2026, 10, 1), beforeMs: Date.UTC(2026, 10, 2, 10, 30) },
  ],
  ['after:7d before:24h', { afterMs: NOW_MS - 7 * 86_400_000, beforeMs: NOW_MS - 86_400_000 }],
  ['verdict:tagged verdict:Refused', { dispositions: ['tag', 'reject'] }],
  [
    'has:attachment size:>1.5MB size:<2gb',
    { hasAttachment: true, largerOctets: 1_500_000, smallerOctets: 2e9 },
  ],
  ['folder:Lists id:a@b', { folder: 'lists', id: '<a@b>' }],
  ['- !', {}],
])('%j is read', (text, expected) => {
  expect(parseRecordQuery(text, NOW_MS)).toEqual({ query: { ...EVERY_RECORD, ...expected } })
})

test.each<readonly [string, RegExp]>([
  ['sender:x', /no sender: to search by\. There are from: to:/],
  ['http://x', /no http:/],
  ['after:yesterday', /after: takes a day/],
  ['after:2026-13-45', /after: takes a day/],
  ['size:1MB', /size: takes a bound/],
  ['size:>1XB', /size: takes a bound/],
  ['verdict:bad', /verdict: takes/],
  ['has:wings', /has: takes attachment/],
  ['folder:a/b', /cannot name a folder/],
  ['subject:in*', /give 3 letters before the \*/],
  ['from:""', /from: needs a value/],
  ['from:!!', /no letters or digits/],
  ['a '.repeat(40), /at most 32 words/],
  ['x'.repeat(1001), /too long/],
])('%j is refused', (text, wrong) => {
  expect(parseRecordQuery(text, NOW_MS)).toEqual({ wrong: expect.stringMatching(wrong) })
})

test.each([
  ['Grüße <Bob.B@acme.example>', 'gruße bob b acme example'],
  ['ﬁle №5 １２', 'file no5 12'],
  ['Ёлка перевод', 'елка перевод'],
  ['日本語のmail', '日 本 語 の mail'],
  ['\u0000\ud800 ok', 'ok'],
])('the words of %j are %j', (text, words) => {
  expect(searchWords(text).join(' ')).toBe(words)
})
