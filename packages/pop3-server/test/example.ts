import { latin1Octets, makeListing, toStoredForm } from '@restante/mail'
import { createPop3Server, type OpenMaildrop } from '@restante/pop3-server'

// Your store: here, arrays. `open` gives one session at a time a frozen maildrop.
const mail: Record<string, string[]> = { anna: ['From: a@b.example\r\n\r\nhi\r\n'] }
const open = async (name: string): Promise<{ maildrop: OpenMaildrop }> => {
  const stored = (mail[name] ?? []).map((text) => toStoredForm(latin1Octets(text)))
  const maildrop: OpenMaildrop = {
    listing: makeListing(stored.map(({ form }, i) => ({ id: `${name}-${i}`, ...form }))),
    readAt: (index, position, most) =>
      stored[index]?.octets.slice(position, position + most) ?? new Uint8Array(),
    async commit(deleted) {
      mail[name] = (mail[name] ?? []).filter((_, i) => !deleted.includes(i))
      return { ok: true }
    },
    async [Symbol.asyncDispose]() {},
  }
  return { maildrop }
}

export async function example(signal: AbortSignal): Promise<string[]> {
  const seen: string[] = []
  await using server = createPop3Server({
    store: { open },
    authenticate: async (request) =>
      'password' in request && request.password === 'secret' ? { maildrop: request.name } : null,
    allowPlainLogin: 'loopback',
    limits: { idleMs: 600_000, authTries: 3 },
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  console.log(`curl pop3://anna:secret@127.0.0.1:${port}/1`)
  for await (const event of server.events({ signal })) seen.push(`${event.type} ${event.session.account}`)
  return seen
}
