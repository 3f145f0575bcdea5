import { expect, test } from 'vitest'
import { configReference } from '../src/index.ts'

test('docs/configuration.md is what the schema says (vitest -u writes it anew)', async () => {
  await expect(configReference()).toMatchFileSnapshot('../../../docs/configuration.md')
})
