import { installationKey } from '../src/installation-key.ts'

process.send?.(Buffer.from(installationKey(process.argv[2] as string)).toString('hex'))
process.disconnect?.()
