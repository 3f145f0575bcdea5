import { readdirSync, readFileSync } from 'node:fs'
import { type Dialogue, type Peer, parseDialogue, replay } from '@restante/transcript'
import { describe, expect, test } from 'vitest'
import { buildWorld } from '../../pop3/test/world.ts'
import type { MaildropStore } from '../src/index.ts'
import { arrayStore } from './array-store.ts'
import { localhost, start } from './start.ts'
import { connectPlain, connectSecure, secure, type Wire } from './wire.ts'

const folder = new URL('../../pop3/test/dialogues/', import.meta.url)
/** What only the core can show, or a world this server is not built with here. */
const CORE_ONLY = /^= (?:mechanisms|in-use|trouble|token)|^! (?:arrive|committed|kept|read-at-most)/m
const files = readdirSync(folder).filter(
  (file) => !CORE_ONLY.test(readFileSync(new URL(file, folder), 'utf8')),
)

async function serverPeer(dialogue: Dialogue): Promise<Peer> {
  const world = buildWorld(dialogue)
  const store = arrayStore()
  for (const [name, messages] of world.drops) {
    store.drops.set(
      name,
      messages.map(({ octets, listed }) => ({ id: listed.id, octets, listed })),
    )
  }
  store.readOnly = world.readOnly
  const { expire, loginDelay } = world.policy
  const options = {
    authenticate: (request: { name: string }) =>
      'password' in request && world.passwords.get(request.name) === request.password
        ? { maildrop: request.name }
        : null,
    limits: world.policy.limits,
    allowPlainLogin: world.plainLogin ? ('loopback' as const) : ('never' as const),
    xclientFrom: world.xclient ? ['127.0.0.1'] : [],
    utf8: world.policy.utf8 ?? 'lenient',
    ...(expire === undefined ? {} : { expire }),
    ...(loginDelay === undefined ? {} : { loginDelay }),
    ...(world.canStartTls || world.secure ? { tls: localhost } : { tls: undefined as never }),
  }
  const { port, tlsPort } = await start(options, store as typeof store & MaildropStore<string>)
  let wire: Wire = world.secure ? await connectSecure(tlsPort) : await connectPlain(port)
  return {
    push(octets) {
      wire.write(octets)
    },
    async said(lines) {
      let text = ''
      for (let i = 0; i < lines; i++) text += `${await wire.line()}\r\n`
      return Buffer.from(text, 'latin1')
    },
    async event(name) {
      if (name === 'tls') wire = await secure(wire)
      else if (name === 'closed') expect(await wire.closed()).toBe('')
      else if (name === 'drop') wire.destroy()
      else if (name === 'open') expect(wire.socket.readableEnded).toBe(false)
      else throw new Error(`unknown event ${name}`)
    },
  }
}

describe('dialogues with the server', () => {
  test.each(files)('%s', async (file) => {
    const dialogue = parseDialogue(readFileSync(new URL(file, folder), 'utf8'), file)
    for (const cut of ['turns', 'whole'] as const) await replay(dialogue, await serverPeer(dialogue), cut)
  })
})
