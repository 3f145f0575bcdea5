import { configKeys } from '@restante/runtime'
import { readArguments } from '../arguments.ts'
import { EXIT, usage } from '../exit.ts'
import { CONFIG_FILE, commandConfig, loadConfig } from '../settings.ts'
import { dim, hasColour, say, sayJson } from '../terminal.ts'

/** `restante config check [FILE] | show`: whether the settings are right, and what each key means. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { config: 'text', data: 'text', json: 'flag' })
  const [action, file, ...more] = given.rest
  if (more.length > 0) throw usage('Usage: restante config check [FILE] | show')
  if (action === 'check') {
    const checked = file ?? given.text('config') ?? CONFIG_FILE
    const config = loadConfig(checked)
    if (given.flag('json')) sayJson({ file: checked, ok: true, config })
    else say(`${checked} is fine.`)
    return EXIT.ok
  }
  if (action !== 'show') throw usage('Usage: restante config check [FILE] | show')
  if (given.flag('json')) {
    sayJson(commandConfig(given))
    return EXIT.ok
  }
  const colour = hasColour()
  for (const { key, about, default: value } of configKeys()) {
    if (value === '') {
      if (about !== '') say(dim(`# ${about}`, colour))
      continue
    }
    const setting = `${key}: ${value}`
    if (setting.length + about.length > 94) say(`${dim(`# ${about}`, colour)}\n${setting}`)
    else say(`${setting}${about === '' ? '' : dim(`   # ${about}`, colour)}`)
  }
  return EXIT.ok
}
