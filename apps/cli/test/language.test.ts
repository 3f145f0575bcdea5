import { describe, expect, test } from 'vitest'
import { chooseLanguage } from '../src/language.ts'
import { de } from '../src/languages/de.ts'
import { en } from '../src/languages/en.ts'
import { fr } from '../src/languages/fr.ts'
import { ru } from '../src/languages/ru.ts'

test.each([
  [{ LANG: 'ru_RU.UTF-8' }, ru],
  [{ LANG: 'fr' }, fr],
  [{ LANG: 'en_GB', LC_MESSAGES: 'de_AT' }, de],
  [{ LANG: 'ru_RU', LC_ALL: 'fr_FR' }, fr],
  [{ LANG: 'C', LC_ALL: '' }, en],
  [{ LANG: 'ja_JP' }, en],
  [{}, en],
])('%j', (environment, words) => expect(chooseLanguage(environment)).toBe(words))

describe.each([
  ['en', en],
  ['ru', ru],
  ['fr', fr],
  ['de', de],
])('%s', (name, words) => {
  test('says all that English says', () => {
    expect(Object.keys(words).sort()).toEqual(Object.keys(en).sort())
    for (const [key, value] of Object.entries(words)) {
      expect(typeof value, key).toBe(typeof en[key as keyof typeof en])
      if (typeof value === 'string') expect(value.trim(), key).not.toBe('')
    }
  })

  test('puts what it is given into its sentences', () => {
    expect(words.unknownCommand('servee', 'serve')).toMatch(/servee.*serve.*restante help/)
    expect(words.unknownCommand('xyzzy', null)).not.toContain('null')
    expect(words.portInUse('127.0.0.1:25', '--smtp PORT')).toMatch(/127\.0\.0\.1:25 .*--smtp PORT$/)
    expect(words.portForbidden('[::]:25', 'listen.smtp.port')).toMatch(
      /\[::\]:25 .*listen\.smtp\.port.*setcap/,
    )
    expect(words.alreadyRunning(4711, '/data')).toMatch(/\/data.*4711/)
  })

  test('names the same commands in the help, on lines a terminal of 100 columns holds', () => {
    const commands = (help: string) =>
      [...help.matchAll(/^ {2}restante (\S+)/gm)].map(([, command]) => command)
    expect(commands(words.help)).toEqual(commands(en.help))
    for (const line of words.help.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(100)
  })

  test('is itself: nothing left in English', () => {
    if (name === 'en') return
    for (const key of ['ready', 'stopHint', 'stopping', 'mailIn', 'selfSigned', 'temporary'] as const)
      expect(words[key]).not.toBe(en[key])
  })
})
