import { createRequire } from 'node:module'
import type { ARCData, ARCResult, DKIMVerifyResult, DMARCOptions, DMARCResult, SPFResult } from 'mailauth'
import type { Resolver } from './answer.ts'
import type { MxRecord, RecordType } from './dns-message.ts'

/** A resolver in mailauth's form. */
export type MailauthResolver = (name: string, type: string) => Promise<string[][] | string[] | MailauthMx[]>

interface MailauthMx {
  readonly exchange: string
  readonly priority: number
}

/** The parts of mailauth we use. Its whole (BIMI, certificates, an HTTP client) costs twice the time and memory to load. */
export interface MailauthParts {
  dkimVerify(
    input: NodeJS.ReadableStream,
    options: { resolver: MailauthResolver; sender: string; rejectRsaSha1: boolean },
  ): Promise<DKIMVerifyResult>
  spf(options: {
    resolver: MailauthResolver
    sender: string
    ip: string
    helo: string
    mta: string
  }): Promise<SPFResult>
  evaluateDmarc(
    options: Omit<DMARCOptions, 'resolver'> & { resolver: MailauthResolver },
  ): Promise<{ response: DMARCResult | false; reason?: string; dkimAligned?: ReadonlySet<string> }>
  arc(data: ARCData, options: { resolver: MailauthResolver }): Promise<ARCResult>
}

let loaded: MailauthParts | undefined

/** Loads mailauth on first use: about 0.1 s of CPU and 35 MB, once in a thread. */
export function mailauthParts(): MailauthParts {
  if (loaded !== undefined) return loaded
  const require = createRequire(import.meta.url)
  const parts = ['dkim/verify', 'spf/index', 'dmarc/index', 'arc/index']
  loaded = Object.assign({}, ...parts.map((part) => require(`mailauth/lib/${part}.js`))) as MailauthParts
  return loaded
}

/** What a failed question looks like to mailauth: an Error with c-ares' code. */
class DnsError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const CODES = {
  nodata: 'ENODATA',
  nxdomain: 'ENOTFOUND',
  servfail: 'ESERVFAIL',
  timeout: 'ETIMEOUT',
  unavailable: 'EREFUSED',
} as const

/** A resolver for one message, in mailauth's form. */
export interface MessageResolver {
  readonly ask: MailauthResolver
  /** Whether a question so far went without a true answer. */
  readonly failed: boolean
}

/** Questions one message may cause: SPF's limits allow about 220, DMARC's walks 90, ARC 51. */
const QUESTIONS_MAX = 300

/** Bounds questions by the message's signal and, over all its parts, by number. */
export function messageResolvers(resolver: Resolver, signal: AbortSignal): () => MessageResolver {
  let left = QUESTIONS_MAX
  return () => {
    let failed = false
    const fail = (code: string, message: string): never => {
      failed = true
      throw new DnsError(code, message)
    }
    return {
      get failed() {
        return failed
      },
      async ask(name, type) {
        if (signal.aborted) fail('ETIMEOUT', 'time is up')
        if (left-- <= 0) fail('ETIMEOUT', `over ${QUESTIONS_MAX} DNS questions for one message`)
        const answer = await resolver.resolve(name, type as RecordType, { signal })
        if (answer.kind === 'records') {
          if (type === 'TXT') return (answer.records as readonly string[]).map((text) => [text])
          if (type === 'MX')
            return (answer.records as readonly MxRecord[]).map(({ exchange, preference }) => ({
              exchange,
              priority: preference,
            }))
          return [...(answer.records as readonly string[])]
        }
        const why = 'why' in answer ? answer.why : answer.kind
        if (answer.kind === 'nodata' || answer.kind === 'nxdomain')
          throw new DnsError(CODES[answer.kind], why)
        return fail(CODES[answer.kind], why)
      },
    }
  }
}
