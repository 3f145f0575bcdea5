import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How the issuer answers; `hang` never does. */
export type Mood = 'well' | 'hang' | 'broken' | 'nonsense' | 'huge' | 'redirecting'

/** A key pair with its public half as a JWK. */
export interface IssuerKey {
  readonly kid: string
  readonly alg: 'RS256' | 'ES256'
  readonly privateKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
}

/** An issuer of tokens on loopback, with an introspection endpoint and a key set. */
export interface LocalIssuer extends AsyncDisposable {
  readonly issuer: string
  readonly introspection: string
  readonly jwks: string
  readonly secret: string
  /** Answers of the introspection endpoint, by token. */
  readonly tokens: Map<string, Readonly<Record<string, unknown>>>
  /** Shown in the key set. */
  keys: readonly unknown[]
  mood: Mood
  /** Paths asked for, in order. */
  readonly asked: string[]
}

export function makeKey(kid: string, alg: 'RS256' | 'ES256', bits = 2048): IssuerKey {
  const { publicKey, privateKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

export function sign(
  key: IssuerKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = { alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header }
  const signed = `${part(head)}.${part(claims)}`
  const signature = createSign('sha256')
    .update(signed)
    .sign({ key: key.privateKey, dsaEncoding: 'ieee-p1363' }, 'base64url')
  return `${signed}.${signature}`
}

export async function startIssuer(): Promise<LocalIssuer> {
  const secret = 'a secret: with + and é'
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    self.asked.push(path)
    const body: Buffer[] = []
    request.on('data', (chunk: Buffer) => body.push(chunk))
    request.on('end', () => {
      if (self.mood === 'hang') return
      if (self.mood === 'broken') return void response.writeHead(503).end('{}')
      if (self.mood === 'nonsense') return void response.writeHead(200).end('<html>')
      if (self.mood === 'huge') return void response.writeHead(200).end(`"${'x'.repeat(1_000_000)}"`)
      if (self.mood === 'redirecting') return void response.writeHead(302, { location: '/elsewhere' }).end()
      response.setHeader('content-type', 'application/json')
      if (path === '/keys') return void response.end(JSON.stringify({ keys: self.keys }))
      const [scheme, basic = ''] = (request.headers.authorization ?? '').split(' ')
      const [id = '', given = ''] = Buffer.from(basic, 'base64').toString().split(':')
      const decoded = new URLSearchParams(`x=${given}`).get('x')
      if (path !== '/introspect' || scheme !== 'Basic' || id !== 'restante' || decoded !== secret)
        return void response.writeHead(401).end('{}')
      const token = new URLSearchParams(Buffer.concat(body).toString()).get('token') ?? ''
      response.end(JSON.stringify(self.tokens.get(token) ?? { active: false }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const self: LocalIssuer = {
    issuer,
    introspection: `${issuer}/introspect`,
    jwks: `${issuer}/keys`,
    secret,
    tokens: new Map(),
    keys: [],
    mood: 'well',
    asked: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return self
}
