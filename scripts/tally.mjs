// Reads what vitest's JSON reporter wrote and the exit code of `npm test`, prints the one line that counts,
// and exits 0 only if something was tested and nothing failed.
//   node scripts/tally.mjs RESULTS.json EXIT_CODE
import { existsSync, readFileSync } from 'node:fs'

const [file, exitText] = process.argv.slice(2)
const exitCode = Number(exitText)
let passed = 0
let failed = 0
let skipped = 0

if (existsSync(file)) {
  const results = JSON.parse(readFileSync(file, 'utf8'))
  passed = results.numPassedTests
  failed = results.numFailedTests
  skipped = results.numPendingTests + results.numTodoTests
  // A file that breaks before its first test has no test to fail.
  for (const { name, status, message, assertionResults } of results.testResults) {
    if (status !== 'failed' || assertionResults.some((each) => each.status === 'failed')) continue
    failed++
    console.log(`failed: ${name}: ${message}`)
  }
} else {
  failed++
  console.log('failed: vitest left no results')
}
if (exitCode === 2 || exitCode === 3) {
  failed++
  console.log('failed: a step before the tests (build, check, lint or typecheck)')
}
if (failed === 0 && exitCode !== 0) {
  failed++
  console.log(`failed: npm test ended with ${exitText}, though no test failed`)
}
if (passed + failed === 0) {
  failed++
  console.log('failed: nothing was tested')
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed === 0 ? 0 : 1)
