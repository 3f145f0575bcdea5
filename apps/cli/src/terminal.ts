/** Whether a stream is a terminal that shows colours. */
export function hasColour(stream: { readonly isTTY?: boolean } = process.stdout): boolean {
  return stream.isTTY === true && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb'
}

const paint =
  (code: string) =>
  (text: string, colour: boolean): string =>
    colour ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold: (text: string, colour: boolean) => string = paint('1')
export const dim: (text: string, colour: boolean) => string = paint('2')
export const red: (text: string, colour: boolean) => string = paint('31')
export const green: (text: string, colour: boolean) => string = paint('32')
export const yellow: (text: string, colour: boolean) => string = paint('33')

/** Rows in columns, two spaces between them; the last column is not padded. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = []
  // The last cell of a row pushes nothing to the right.
  for (const row of rows)
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, [...cell].length)
    })
  return rows
    .map(
      (row) =>
        indent +
        row
          .map((cell, i) =>
            i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] as number) - [...cell].length),
          )
          .join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Writes a line to standard output. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Writes one JSON value as a line to standard output. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Says what went wrong on standard error; on a terminal, broken between words. */
export function complain(message: string): void {
  const { isTTY, columns } = process.stderr
  process.stderr.write(`${isTTY ? wrap(`restante: ${message}`, columns) : `restante: ${message}`}\n`)
}

/** Lines of at most `columns` characters, broken at spaces; what follows a break is indented. */
export function wrap(text: string, columns: number, indent = ''): string {
  const out: string[] = []
  for (const line of text.split('\n')) {
    let held = ''
    for (const word of line.split(/(?<=\S)(?= )/)) {
      if (held !== '' && [...held].length + [...word].length > columns) {
        out.push(held)
        held = indent + word.trimStart()
      } else held += word
    }
    out.push(held)
  }
  return out.join('\n')
}

/** Text from outside (a subject, a sender) made safe to print: controls become visible, length bounded. */
export function printable(text: string, maxCharacters = 200): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '·')
  return clean.length > maxCharacters ? `${clean.slice(0, maxCharacters - 1)}…` : clean
}
