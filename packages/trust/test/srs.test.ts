import { formatPath, type Path, parsePath } from '@restante/mail'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSrs, type SrsOptions, SrsOptionsError } from '../src/index.ts'

const DAY_MS = 86_400_000
/** The day that Mail::SRS writes as `HN`. */
const atMs = 1_790_000_000_000

function srs(options: Partial<SrsOptions> = {}) {
  return createSrs({
    domain: 'here.example',
    secrets: ['top secret'],
    hashLength: 4,
    now: () => atMs,
    ...options,
  })
}

function path(text: string): Path {
  const read = parsePath(text)
  if (read === null) throw new Error(`${text} is no path`)
  return read
}

// Made by Mail::SRS 0.31 (the reference), HashLength 4, on that day.
describe('as Mail::SRS does it', () => {
  test.each([
    ['anna@acme.example', 'SRS0=4rFd=HN=acme.example=anna@here.example'],
    ['Anna.B+tag@ACME.example', 'SRS0=F+cd=HN=ACME.example=Anna.B+tag@here.example'],
    ['a=b=c@acme.example', 'SRS0=xEm1=HN=acme.example=a=b=c@here.example'],
    ['-dash@acme.example', 'SRS0=w6W3=HN=acme.example=-dash@here.example'],
    ['SRS0=x@acme.example', 'SRS1=SR4S=acme.example==x@here.example'],
  ])('%s', (from, to) => {
    const rewritten = srs().rewrite(path(from)) as Path
    expect(formatPath(rewritten)).toBe(to)
    expect(srs().reverse(rewritten)).toEqual({ path: path(from) })
  })

  test('three forwarders in a row', () => {
    const first = srs()
    const second = srs({ domain: 'there.example', secrets: ['other secret'] })
    const third = srs({ domain: 'third.example', secrets: ['third'] })
    const one = first.rewrite(path('anna@acme.example')) as Path
    const two = second.rewrite(one) as Path
    const three = third.rewrite(two) as Path
    expect(formatPath(two)).toBe('SRS1=gglZ=here.example==4rFd=HN=acme.example=anna@there.example')
    expect(formatPath(three)).toBe('SRS1=xZAQ=here.example==4rFd=HN=acme.example=anna@third.example')
    expect(third.reverse(three)).toEqual({ path: one })
    expect(second.reverse(two)).toEqual({ path: one })
    expect(first.reverse(one)).toEqual({ path: path('anna@acme.example') })
  })
})

describe('what comes back', () => {
  const good = 'SRS0=4rFd=HN=acme.example=anna@here.example'

  test.each([
    ['anna@here.example', { not: 'srs' }],
    ['SRS0=4rFd=HN=acme.example=anna@elsewhere.example', { not: 'srs' }],
    ['srs0=4RFD=hn=ACME.example=ANNA@HERE.example', { path: { localPart: 'ANNA', domain: 'ACME.example' } }],
    ['SRS0+4rFd=HN=acme.example=anna@here.example', { path: { localPart: 'anna', domain: 'acme.example' } }],
    ['SRS0=4rFe=HN=acme.example=anna@here.example', { refuse: 'forged' }],
    ['SRS0=4rF=HN=acme.example=anna@here.example', { refuse: 'forged' }],
    ['SRS0==HN=acme.example=anna@here.example', { refuse: 'forged' }],
    ['SRS0=4rFd=HO=acme.example=anna@here.example', { refuse: 'forged' }],
    ['SRS0=4rFd=HN=acme.example=emma@here.example', { refuse: 'forged' }],
    ['SRS0=4rFd=HN=evil.example=anna@here.example', { refuse: 'forged' }],
    ['SRS0=4rFd@here.example', { refuse: 'forged' }],
    ['SRS0=@here.example', { refuse: 'forged' }],
    ['SRS1=xZAQ=here.example==4rFd@here.example', { refuse: 'forged' }],
    ['SRS1=a=b@here.example', { refuse: 'forged' }],
  ])('%s', (recipient, expected) => {
    expect(srs().reverse(path(recipient))).toEqual(expected)
  })

  test('an address lives 21 days, whatever the circle of days is at', () => {
    for (const startDay of [0, 1, 1_010, 1_023, 1_024, 20_717]) {
      let nowMs = startDay * DAY_MS
      const own = srs({ now: () => nowMs })
      const rewritten = own.rewrite(path('anna@acme.example')) as Path
      nowMs += 21 * DAY_MS
      expect(own.reverse(rewritten), `${startDay}`).toEqual({ path: path('anna@acme.example') })
      nowMs += DAY_MS
      expect(own.reverse(rewritten), `${startDay}`).toEqual({ refuse: 'expired' })
    }
  })

  test('old secrets are good for old addresses, until they are taken out', () => {
    expect(srs({ secrets: ['new', 'top secret'] }).reverse(path(good))).toEqual({
      path: path('anna@acme.example'),
    })
    expect(srs({ secrets: ['new'] }).reverse(path(good))).toEqual({ refuse: 'forged' })
    const rewritten = srs({ secrets: ['new', 'top secret'] }).rewrite(path('anna@acme.example')) as Path
    expect(srs({ secrets: ['new'] }).reverse(rewritten)).toEqual({ path: path('anna@acme.example') })
  })
})

test('every address comes back as it was, however often it is forwarded', () => {
  const local = fc.stringMatching(/^[a-zA-Z0-9+=._-]{1,30}$/)
  const domain = fc.domain().filter((each) => !each.endsWith('.example'))
  fc.assert(
    fc.property(local, domain, fc.integer({ min: 4, max: 16 }), (localPart, from, hashLength) => {
      const names = ['h1.example', 'h2.example', 'h3.example', 'h4.example']
      const hosts = names.map((own) => srs({ domain: own, secrets: [`secret of ${own}`], hashLength }))
      const start = { localPart, domain: from }
      let now: Path = start
      for (const host of hosts) {
        const next = host.rewrite(now)
        if (next === null) return
        now = next
      }
      const start01 = /^SRS[01][=+-]/i.test(localPart)
      for (let steps = 0; steps < 5; steps++) {
        const host = hosts[names.indexOf(now.domain)]
        if (host === undefined) break
        const back = host.reverse(now)
        if (!('path' in back)) throw new Error(JSON.stringify(back))
        now = back.path
      }
      if (!start01) expect(now).toEqual(start)
    }),
  )
})

test('one character changed is forged', () => {
  const rewritten = srs({ hashLength: 12 }).rewrite(path('anna@acme.example')) as Path
  fc.assert(
    fc.property(
      fc.nat(rewritten.localPart.length - 1),
      fc.stringMatching(/^[a-zA-Z0-9]$/),
      (at, character) => {
        const was = rewritten.localPart[at] as string
        const localPart = rewritten.localPart.slice(0, at) + character + rewritten.localPart.slice(at + 1)
        const back = srs({ hashLength: 12 }).reverse({ localPart, domain: 'here.example' })
        if (was.toLowerCase() === character.toLowerCase()) expect(back).toHaveProperty('path')
        else expect(back).not.toHaveProperty('path')
      },
    ),
  )
})

test('an address that would be too long is not made', () => {
  expect(srs().rewrite({ localPart: 'a'.repeat(240), domain: 'acme.example' })).toBeNull()
})

test.each([
  [{ secrets: [] }],
  [{ secrets: [''] }],
  [{ domain: '' }],
  [{ domain: 'a=b' }],
  [{ hashLength: 3 }],
  [{ hashLength: Number.NaN }],
  [{ maxAgeDays: 0 }],
])('%j is refused', (options) => {
  expect(() => srs(options)).toThrow(SrsOptionsError)
})
