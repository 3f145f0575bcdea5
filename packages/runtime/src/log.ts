import { type Logger, pino } from 'pino'

/** Values a log event may carry: plain, and never bodies or secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** Events with names and fields. An error's message and code go in as fields, its stack only at `debug`. */
export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** The same log with fields on every event. */
  with(fields: LogFields): Log
}

/** Events below it are not written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** JSON lines `{"level":"info","at":"…","event":"…",…}` on standard error or appended to a file, written before the call returns. */
export function createLog(options: {
  readonly level: LogLevel
  readonly file?: string | null
  readonly fields?: LogFields
}): Log {
  const sink = pino(
    {
      level: options.level,
      base: options.fields ?? {},
      messageKey: 'event',
      timestamp: () => `,"at":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: options.file ?? 2, sync: true, append: true, mkdir: true }),
  )
  return wrap(sink)
}

type Sink = Pick<Logger<never>, 'debug' | 'info' | 'warn' | 'error' | 'child'>

function wrap(sink: Sink): Log {
  return {
    debug: (event, fields) => sink.debug(fields ?? {}, event),
    info: (event, fields) => sink.info(fields ?? {}, event),
    warn: (event, fields) => sink.warn(fields ?? {}, event),
    error: (event, fields) => sink.error(fields ?? {}, event),
    with: (fields) => wrap(sink.child(fields)),
  }
}

/** A log that says nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
}

/** An error as log fields: message, code, and the chain of causes in one line. */
export function errorFields(error: unknown): LogFields {
  const causes: string[] = []
  for (
    let at: unknown = error;
    at !== undefined && at !== null && causes.length < 5;
    at = (at as { cause?: unknown }).cause
  ) {
    causes.push(at instanceof Error ? at.message : String(at))
  }
  const code = (error as { code?: unknown } | null)?.code
  return { error: causes.join(' <- '), ...(typeof code === 'string' ? { code } : {}) }
}
