/** TypeScript source taken apart just far enough: what is code, what is comment, what is quoted. */
export interface SourceText {
  /**
   * The source, as long as before, with the insides of comments, strings, templates and regular expressions blanked (line breaks
   * stay): what is found here is code.
   */
  readonly code: string
  readonly comments: readonly Span[]
  readonly strings: readonly Span[]
}

/** A piece of the source; offsets are those of `code`. */
export interface Span {
  readonly start: number
  /** One past its last character. */
  readonly end: number
  /** A comment with its marks, a string without its quotes. */
  readonly text: string
}

/** After these a slash begins a regular expression; after a value, `!` and `++` belong to the value. */
const REGEX_MAY_FOLLOW =
  /(?:^|[([{},;:=&|?*%~^<>]|(?<![\w)\]])!|(?<!\+)\+|(?<!-)-|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await|yield))$/

/** Takes source apart. Never fails: what is not closed ends with the file. */
export function readSource(source: string): SourceText {
  const code: string[] = []
  const comments: Span[] = []
  const strings: Span[] = []
  /** For each open template, how many braces are open inside its `${`. */
  const templates: number[] = []
  let at = 0

  const blank = (start: number, end: number): void => {
    code.push(source.slice(start, end).replace(/[^\n]/g, ' '))
  }

  function skipQuoted(quote: string): void {
    const start = at++
    while (at < source.length && source[at] !== quote && source[at] !== '\n')
      at += source[at] === '\\' ? 2 : 1
    at = Math.min(at, source.length)
    code.push(quote)
    blank(start + 1, at)
    strings.push({ start: start + 1, end: at, text: source.slice(start + 1, at) })
    if (source[at] === quote) {
      code.push(quote)
      at++
    }
  }

  /** From just after a backtick or the brace that ends a `${}`, up to the next of either. */
  function skipTemplate(): void {
    const start = at
    while (at < source.length && source[at] !== '`' && !(source[at] === '$' && source[at + 1] === '{'))
      at += source[at] === '\\' ? 2 : 1
    at = Math.min(at, source.length)
    blank(start, at)
    strings.push({ start, end: at, text: source.slice(start, at) })
    if (source[at] === '`') {
      code.push('`')
      at++
    } else if (at < source.length) {
      code.push('${')
      at += 2
      templates.push(0)
    }
  }

  function skipRegex(): void {
    const start = at++
    let inClass = false
    while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
      if (source[at] === '[') inClass = true
      else if (source[at] === ']') inClass = false
      at += source[at] === '\\' ? 2 : 1
    }
    at = Math.min(at, source.length)
    code.push('/')
    blank(start + 1, at)
    if (source[at] === '/') {
      code.push('/')
      at++
    }
  }

  /** The last piece of code before here that says anything. */
  function codeBefore(): string {
    let tail = ''
    for (let i = code.length - 1; i >= 0 && tail.trimEnd().length < 12; i--) tail = code[i] + tail
    return tail.trimEnd()
  }

  while (at < source.length) {
    const character = source[at] as string
    const next = source[at + 1]
    if (character === '/' && (next === '/' || next === '*')) {
      const start = at
      const closing = next === '/' ? source.indexOf('\n', at) : source.indexOf('*/', at + 2)
      at = closing < 0 ? source.length : next === '/' ? closing : closing + 2
      blank(start, at)
      comments.push({ start, end: at, text: source.slice(start, at) })
    } else if (character === "'" || character === '"') skipQuoted(character)
    else if (character === '`') {
      code.push('`')
      at++
      skipTemplate()
    } else if (character === '/' && REGEX_MAY_FOLLOW.test(codeBefore())) skipRegex()
    else if (character === '}' && templates.at(-1) === 0) {
      templates.pop()
      code.push('}')
      at++
      skipTemplate()
    } else {
      const open = templates.length - 1
      if (open >= 0 && character === '{') templates[open] = (templates[open] as number) + 1
      if (open >= 0 && character === '}') templates[open] = (templates[open] as number) - 1
      code.push(character)
      at++
    }
  }
  return { code: code.join(''), comments, strings }
}

/** The 1-based line an offset is in. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** One module named by an import, export-from or `import()`. */
export interface ImportOf {
  readonly specifier: string
  readonly line: number
}

/** Every module a source imports, types included; `import.meta.resolve()` is not an import. */
export function importsOf(source: string): readonly ImportOf[] {
  const { code, strings } = readSource(source)
  const found: ImportOf[] = []
  for (const { start, text } of strings) {
    const before = code.slice(Math.max(0, start - 40), start - 1).trimEnd()
    if (/(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()$/.test(before))
      found.push({ specifier: text, line: lineAt(source, start) })
  }
  return found
}
