import { generateKeyPairSync } from 'node:crypto'
import { dkimSign } from 'mailauth'

/** A key made for one test run, with what its owner puts into DNS. */
export interface SigningKey {
  readonly privateKey: string
  readonly record: string
}

/** Makes a key. */
export function makeKey(bits: 1024 | 2048 | 512 | 'ed25519' = 1024): SigningKey {
  if (bits === 'ed25519') {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')
    return {
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      record: `v=DKIM1; k=ed25519; p=${raw}`,
    }
  }
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const der = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    record: `v=DKIM1; k=rsa; p=${der}`,
  }
}

/** How to sign. */
export interface SignOptions {
  readonly domain: string
  readonly selector?: string
  readonly algorithm?: string
  readonly bodyLength?: number
  readonly canonicalization?: string
}

/** The message with a signature on top. */
export async function sign(message: string, key: SigningKey, options: SignOptions): Promise<string> {
  const signature = {
    signingDomain: options.domain,
    selector: options.selector ?? 'one',
    privateKey: key.privateKey,
    ...(options.algorithm === undefined ? {} : { algorithm: options.algorithm }),
    ...(options.bodyLength === undefined ? {} : { maxBodyLength: options.bodyLength }),
  }
  const { signatures, errors } = await dkimSign(message, {
    ...signature,
    canonicalization: options.canonicalization ?? 'relaxed/relaxed',
    signatureData: [signature],
  })
  const [error] = errors
  if (error) throw error.err
  return signatures + message
}
