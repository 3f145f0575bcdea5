import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

test('the example of the README runs and says what it promises', async () => {
  const said: unknown[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(...words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([
    [
      'Authentication-Results: mx.acme.example;',
      '\tspf=fail smtp.mailfrom=bank.example;',
      '\tdkim=none;',
      '\tdmarc=fail header.from=bank.example policy.dmarc=reject',
      '',
    ].join('\r\n'),
    '2.5 SPF_FAIL: bank.example says that this client may not send for it.',
    '0.3 DKIM_NONE: The mail is not signed.',
    '6 DMARC_REJECT: bank.example does not stand behind this mail, and wants such mail refused.',
    '2 NO_REVERSE_NAME: The client has no name.',
    '5 RBL_ZEN: 203.0.113.7 is listed, says zen.example.',
  ])
})

test('the README shows that very file', () => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const file = readFileSync(new URL('./example.ts', import.meta.url), 'utf8')
  const shown = file
    .replace('../src/index.ts', '@restante/trust')
    .replace('../src/testkit/index.ts', '@restante/trust/testkit')
  expect(page).toContain(shown.trim())
})
