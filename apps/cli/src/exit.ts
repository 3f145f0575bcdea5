/** Exit codes of every command: 0 ok, 1 a finding, 2 wrong usage, 3 not reachable, 4 refused by a safety check. */
export const EXIT = { ok: 0, finding: 1, usage: 2, unreachable: 3, refused: 4 } as const

/** Ends a command with a code and one sentence for the person at the terminal. Not a crash: no stack is shown. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number
  constructor(exitCode: number, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Wrong usage: exit 2. */
export function usage(message: string): CommandError {
  return new CommandError(EXIT.usage, message)
}
