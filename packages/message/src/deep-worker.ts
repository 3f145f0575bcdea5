import { parentPort } from 'node:worker_threads'
import { type AddressObject, simpleParser } from 'mailparser'

/** One question to the worker. `octets` is a copy of its own. */
export interface DeepQuestion {
  readonly id: number
  readonly octets: Uint8Array
}

function addresses(value: AddressObject | AddressObject[] | undefined): { name: string; address: string }[] {
  const list = value === undefined ? [] : Array.isArray(value) ? value : [value]
  return list
    .flatMap((object) => object.value)
    .flatMap((entry) => (entry.group === undefined ? [entry] : entry.group))
    .slice(0, 1000)
    .map((entry) => ({ name: entry.name ?? '', address: entry.address ?? '' }))
}

const port = parentPort
port?.on('message', ({ id, octets }: DeepQuestion) => {
  simpleParser(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength), {
    skipImageLinks: true,
    skipTextLinks: true,
    maxHtmlLengthToParse: 1_048_576,
  }).then(
    (mail) =>
      port.postMessage({
        id,
        look: {
          subject: mail.subject ?? '',
          from: addresses(mail.from),
          to: [...addresses(mail.to), ...addresses(mail.cc)],
          dateMs: mail.date === undefined ? null : mail.date.getTime(),
          messageId: mail.messageId ?? '',
          text: mail.text ?? '',
          html: typeof mail.html === 'string' ? mail.html : null,
          attachments: mail.attachments.map((attachment) => ({
            name: attachment.filename ?? '',
            type: attachment.contentType,
            sizeOctets: attachment.size,
            contentId: attachment.cid ?? '',
            disposition: attachment.contentDisposition,
            content: new Uint8Array(attachment.content),
          })),
        },
      }),
    (error: unknown) =>
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) }),
  )
})
