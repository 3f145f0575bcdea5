import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseDebianPackages } from '../src/debian-packages.ts'
import { debianPackages, findPeer, PeerMissingError, requirePeer } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'restante-peers-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('debian-packages.txt', () => {
  test('says of each package what tests look for and why', () => {
    expect(debianPackages()).toContainEqual({
      package: 'getmail6',
      peer: 'getmail',
      purpose: 'a POP3 client that remembers unique-ids',
    })
    const names = debianPackages().map((each) => each.package)
    expect(new Set(names).size).toBe(names.length)
  })

  test.each(['curl', 'curl curl', 'curl # for what', 'curl curl #'])('refuses the line "%s"', (line) => {
    expect(() => parseDebianPackages(`# a comment\n\n${line}\n`)).toThrow('debian-packages.txt:3')
  })
})

describe('findPeer', () => {
  test('finds a program on PATH, and passes by folders and files that cannot be run', () => {
    for (const place of ['a', 'b', 'c']) mkdirSync(join(folder, place))
    mkdirSync(join(folder, 'a', 'mpop'))
    writeFileSync(join(folder, 'b', 'mpop'), '')
    writeFileSync(join(folder, 'c', 'mpop'), '')
    chmodSync(join(folder, 'b', 'mpop'), 0o644)
    chmodSync(join(folder, 'c', 'mpop'), 0o755)
    const PATH = ['a', 'b', 'c'].map((place) => join(folder, place)).join(':')
    expect(findPeer('mpop', { PATH })).toEqual({
      name: 'mpop',
      path: join(folder, 'c', 'mpop'),
      missing: false,
      note: '',
    })
  })

  test('gives the reason and the remedy for a missing program or Perl module', () => {
    expect(findPeer('getmail', { PATH: '' }).note).toBe(
      ' (skipped: no getmail here; apt-get install getmail6)',
    )
    expect(findPeer('Net::SSLeay', { PATH: '' })).toMatchObject({ path: null, missing: true })
  })

  test('refuses a name nobody would install', () => {
    expect(() => findPeer('mail-of-the-future')).toThrow('tools/peers/debian-packages.txt')
  })
})

describe('requirePeer', () => {
  test('leaves a missing peer to the test unless peers are required', () => {
    expect(requirePeer('getmail', { PATH: '' }).missing).toBe(true)
    const required = { PATH: '', RESTANTE_PEERS: 'required' }
    expect(() => requirePeer('getmail', required)).toThrow(PeerMissingError)
    expect(() => requirePeer('getmail', required)).toThrow(
      'there is no getmail here; apt-get install getmail6',
    )
  })

  test.each(debianPackages().map((each) => each.peer))('%s is here, or not required', (name) => {
    const peer = requirePeer(name)
    expect(peer.missing ? peer.note : peer.path).not.toBe('')
  })
})
