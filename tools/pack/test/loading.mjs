// Run in the folder of the installed tarballs: node loading.mjs RESULT_FILE SPECIFIER
// Imports a package and writes how many files that loaded. The package itself must print nothing and leave nothing running.
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const [result, specifier] = process.argv.slice(2)
let files = 0
const hooks = registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) files++
    return next(url, context)
  },
})
const exported = Object.keys(await import(specifier))
hooks.deregister()
writeFileSync(result, JSON.stringify({ files, exported }))
