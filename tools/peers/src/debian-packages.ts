import { readFileSync } from 'node:fs'

/** A Debian package that tests use. */
export interface DebianPackage {
  readonly package: string
  /** The program, or Perl module (`Net::SSLeay`), that tests ask for. */
  readonly peer: string
  readonly purpose: string
}

let read: readonly DebianPackage[] | undefined

/** The packages of `debian-packages.txt`, in its order. Throws an Error that names a line of another form. */
export function debianPackages(): readonly DebianPackage[] {
  read ??= parseDebianPackages(readFileSync(new URL('../debian-packages.txt', import.meta.url), 'utf8'))
  return read
}

/** Reads lines of `package peer # purpose`; empty lines and lines that start with `#` say nothing. */
export function parseDebianPackages(text: string): readonly DebianPackage[] {
  return text.split('\n').flatMap((line, i) => {
    if (/^\s*(?:#|$)/.test(line)) return []
    const [, name, peer, purpose] = /^(\S+)\s+([^\s#]+)\s+#\s*(\S.*?)\s*$/.exec(line) ?? []
    if (!name || !peer || !purpose)
      throw new Error(`debian-packages.txt:${i + 1}: wanted "package peer # what for", found "${line}"`)
    return [{ package: name, peer, purpose }]
  })
}
