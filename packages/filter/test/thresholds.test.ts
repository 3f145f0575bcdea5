import { expect, test } from 'vitest'
import { resolveThresholds } from '../src/index.ts'

const GLOBAL = { tag: 6, quarantine: 9, reject: 18 }
const ANNA = 'anna@acme.example'

test.each([
  ['nothing set', [], {}, { tag: 6, quarantine: 9, reject: 18, filter: true }],
  [
    'the domain',
    [{ domain: 'acme.example', tag: 4 }],
    {},
    { tag: 4, quarantine: 9, reject: 18, filter: true },
  ],
  [
    'another domain',
    [{ domain: 'b.example', tag: 4 }],
    {},
    { tag: 6, quarantine: 9, reject: 18, filter: true },
  ],
  ['any case', [{ domain: 'ACME.Example', tag: 4 }], {}, { tag: 4, quarantine: 9, reject: 18, filter: true }],
  [
    'account over domain, whatever the order',
    [
      { account: 'Anna@acme.example', tag: 3 },
      { domain: 'acme.example', tag: 4, quarantine: 5 },
    ],
    {},
    { tag: 3, quarantine: 5, reject: 18, filter: true },
  ],
  [
    'never is a value of its own',
    [
      { domain: 'acme.example', reject: null },
      { account: ANNA, quarantine: null },
    ],
    {},
    { tag: 6, quarantine: null, reject: null, filter: true },
  ],
  [
    'own over all',
    [{ account: ANNA, tag: 3 }],
    { tag: 1, reject: null },
    { tag: 1, quarantine: 9, reject: null, filter: true },
  ],
  [
    'not judged',
    [{ account: ANNA, filter: false }],
    {},
    { tag: 6, quarantine: 9, reject: 18, filter: false },
  ],
  [
    'judged again',
    [
      { domain: 'acme.example', filter: false },
      { account: ANNA, filter: true },
    ],
    {},
    { tag: 6, quarantine: 9, reject: 18, filter: true },
  ],
  [
    'the last of equals',
    [
      { domain: 'acme.example', tag: 1 },
      { domain: 'acme.example', tag: 2 },
    ],
    {},
    { tag: 2, quarantine: 9, reject: 18, filter: true },
  ],
])('%s', (_, overrides, own, expected) => {
  const { thresholds, filter } = resolveThresholds(ANNA, GLOBAL, overrides, own)
  expect({ ...thresholds, filter }).toEqual(expected)
})

test('each value knows where it came from', () => {
  const overrides = [
    { domain: 'acme.example', quarantine: 8 },
    { account: ANNA, filter: true },
  ]
  expect(resolveThresholds(ANNA, GLOBAL, overrides, { reject: 30 }).origin).toEqual({
    tag: 'global',
    quarantine: 'domain acme.example',
    reject: 'account anna@acme.example',
    filter: 'account anna@acme.example',
  })
})
