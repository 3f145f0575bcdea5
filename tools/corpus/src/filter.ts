import { createInterface } from 'node:readline'
import { filterSession } from './filter-session.ts'
import { ourFilter } from './ours.ts'

const session = filterSession(await ourFilter())
for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
  if (line.trim() === '') continue
  let out = ''
  for await (const reply of session.reply(line.trim())) {
    out += `${reply}\n`
    if (out.length > 65_536) {
      process.stdout.write(out)
      out = ''
    }
  }
  process.stdout.write(out)
  if (session.ended) break
}
process.stdin.destroy()
