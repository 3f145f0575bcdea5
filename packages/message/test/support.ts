/** Octets of lines joined by CRLF, one octet a character. */
export function mail(...lines: string[]): Uint8Array {
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

/** A message with one text part. */
export function textMail(type: string, body: string | Uint8Array, ...fields: string[]): Uint8Array {
  return Buffer.concat([
    Buffer.from(
      `From: a@a.example\r\nSubject: s\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@a.example>\r\n${fields.map((field) => `${field}\r\n`).join('')}Content-Type: ${type}\r\n\r\n`,
      'latin1',
    ),
    typeof body === 'string' ? Buffer.from(body, 'utf8') : body,
  ])
}
