import { createTransport, type SendMailOptions } from 'nodemailer'
import type { TestMail } from '../src/index.ts'

/** Sends as an application would. */
export async function send(
  mail: TestMail,
  message: SendMailOptions,
  more: {
    readonly auth?: { readonly user: string; readonly pass: string }
    readonly port?: number
    readonly secure?: boolean
  } = {},
): Promise<{ readonly response: string }> {
  const transport = createTransport({ ...mail.smtp, ...more, tls: { ...mail.smtp.tls } })
  try {
    return await transport.sendMail({ from: 'shop@example.org', ...message })
  } finally {
    transport.close()
  }
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error('not rejected')
    },
    (error: Record<string, unknown>) => error,
  )
}
