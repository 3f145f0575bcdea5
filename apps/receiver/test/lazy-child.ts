// Starts and stops a receiver with the DNS named in its argument, and prints which packages this thread loaded for it.
import { mkdtempSync, rmSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const loaded: string[] = []
registerHooks({
  load(url, context, next) {
    loaded.push(url)
    return next(url, context)
  },
})
const { startReceiver } = await import('../src/receiver.ts')
const { defaultConfig, silentLog } = await import('@restante/runtime')
const directory = mkdtempSync(join(tmpdir(), 'restante-lazy-'))
const base = defaultConfig()
const config = {
  ...base,
  dns: process.argv[2] === 'off' ? ('off' as const) : ['127.0.0.1:9'],
  store: { directory, floorOctets: 0 },
  listen: { ...base.listen, smtp: { host: '127.0.0.1', port: 0 } },
}
const signal = new AbortController().signal
const role = await startReceiver(config, { log: silentLog, now: Date.now, signal })
await role.stop()
rmSync(directory, { recursive: true, force: true })
const names = ['mailauth/lib', 'trust/src/resolver.ts']
process.stdout.write(JSON.stringify(names.filter((name) => loaded.some((url) => url.includes(name)))))
