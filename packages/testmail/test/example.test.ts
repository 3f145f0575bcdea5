import '../src/vitest.ts'
import { readFile } from 'node:fs/promises'
import { createTransport } from 'nodemailer'
import { expect, test } from 'vitest'
import { createTestMail } from '../src/index.ts'

// The software under test.
async function confirmOrder(smtpUrl: string, to: string, order: number): Promise<void> {
  const text = `Thank you. Your order ${order} is on its way.`
  await createTransport(smtpUrl).sendMail({ from: 'shop@example.org', to, subject: `Order ${order}`, text })
}

test('a customer gets a confirmation', async () => {
  await using mail = await createTestMail()

  await confirmOrder(mail.smtpUrl, 'anna@test.example', 5)

  const message = await mail.waitFor({ to: 'anna', subject: /^Order \d+$/ })
  expect(message.text).toContain('on its way')
  expect(message).toHaveHeader('From', 'shop@example.org')
  await expect(mail).not.toHaveReceived({ to: 'ben' })

  const anna = mail.pop3('anna')
  expect(await anna.retr(1)).toHaveSubject('Order 5')
})

test('a mail server that is busy is not the end', async () => {
  await using mail = await createTestMail({ accounts: ['anna'] })
  mail.fail('smtp', '451 4.3.2 Busy, try again', { times: 1 })

  await expect(confirmOrder(mail.smtpUrl, 'anna@test.example', 6)).rejects.toThrow('Busy')
  await confirmOrder(mail.smtpUrl, 'anna@test.example', 6)

  await expect(mail).toHaveReceived({ subject: 'Order 6' })
})

test('the README shows this as it is', async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
  const shown = (await read('./example.test.ts'))
    .split("\n\ntest('the README")[0]
    ?.replace('../src/index.ts', '@restante/testmail')
    .replace('../src/vitest.ts', '@restante/testmail/vitest')
    .replace("import { readFile } from 'node:fs/promises'\n", '')
  expect(await read('../README.md')).toContain(shown)
})
