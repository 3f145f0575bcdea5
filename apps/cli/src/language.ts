import { de } from './languages/de.ts'
import { en, type Words } from './languages/en.ts'
import { fr } from './languages/fr.ts'
import { ru } from './languages/ru.ts'

const LANGUAGES: Readonly<Record<string, Words>> = { en, ru, fr, de }

/** What people at the terminal read, in the language of LC_ALL, LC_MESSAGES or LANG; English where it is not ours. */
export function chooseLanguage(environment: Readonly<Record<string, string | undefined>>): Words {
  const wanted = environment['LC_ALL'] || environment['LC_MESSAGES'] || environment['LANG'] || 'en'
  return LANGUAGES[wanted.slice(0, 2).toLowerCase()] ?? en
}

export type { Words } from './languages/en.ts'
