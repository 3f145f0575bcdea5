import { IssuerError } from './token.ts'

/** How an issuer is asked. */
export interface IssuerQuestion {
  readonly url: string
  /** An answer not complete by then is an outage. */
  readonly timeoutMs: number
  readonly headers?: Readonly<Record<string, string>>
  /** Makes it a POST. */
  readonly form?: URLSearchParams
}

/** Longest answer read, in octets. */
const ANSWER_MAX_OCTETS = 262_144

/**
 * Asks an issuer and reads its JSON answer. Redirections are not followed: they would carry token and secret elsewhere.
 * @throws {IssuerError} for anything but 200 with JSON in time
 */
export async function askIssuer(question: IssuerQuestion): Promise<unknown> {
  const { url, timeoutMs, headers, form } = question
  try {
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', ...headers },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      ...(form === undefined ? {} : { body: form }),
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new IssuerError(`${url} answered ${response.status}`)
    }
    const pieces: Uint8Array[] = []
    let octets = 0
    for await (const piece of response.body ?? []) {
      octets += piece.length
      if (octets > ANSWER_MAX_OCTETS)
        throw new IssuerError(`${url} answered more than ${ANSWER_MAX_OCTETS} octets`)
      pieces.push(piece)
    }
    return JSON.parse(new TextDecoder().decode(Buffer.concat(pieces)))
  } catch (error) {
    if (error instanceof IssuerError) throw error
    throw new IssuerError(`${url} gave no answer that can be used`, { cause: error })
  }
}
