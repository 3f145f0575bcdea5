/** What one element's style says about whether its text can be seen. Null = says nothing. */
export interface StyleFacts {
  readonly hides: boolean
  readonly color: number | null
  readonly background: number | null
}

const NAMED: Readonly<Record<string, number>> = {
  white: 0xffffff,
  black: 0,
  red: 0xff0000,
  green: 0x8000,
  blue: 0xff,
  yellow: 0xffff00,
  gray: 0x808080,
  grey: 0x808080,
  silver: 0xc0c0c0,
  navy: 0x80,
  maroon: 0x800000,
  lime: 0xff00,
  aqua: 0xffff,
  cyan: 0xffff,
  fuchsia: 0xff00ff,
  magenta: 0xff00ff,
  orange: 0xffa500,
  purple: 0x800080,
  teal: 0x8080,
  olive: 0x808000,
  snow: 0xfffafa,
  ivory: 0xfffff0,
  whitesmoke: 0xf5f5f5,
  ghostwhite: 0xf8f8ff,
  lightgray: 0xd3d3d3,
  lightgrey: 0xd3d3d3,
  beige: 0xf5f5dc,
  pink: 0xffc0cb,
}
/** A colour that cannot be seen on anything. */
export const TRANSPARENT = -1

/** Reads a CSS or HTML colour as 0xRRGGBB, {@link TRANSPARENT}, or null where it is none we know. */
export function parseColor(text: string): number | null {
  const value = text.trim().toLowerCase()
  const named = NAMED[value]
  if (named !== undefined) return named
  if (value === 'transparent') return TRANSPARENT
  const hex = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/.exec(value)
  if (hex !== null) {
    const digits = hex[1] as string
    return Number.parseInt(digits.length === 6 ? digits : digits.replace(/./g, '$&$&'), 16)
  }
  const rgb = /^rgba?\((\d{1,3})[,\s]+(\d{1,3})[,\s]+(\d{1,3})(?:[,/\s]+([\d.]{1,8}))?\)$/.exec(value)
  if (rgb === null) return null
  if (rgb[4] !== undefined && Number(rgb[4]) < 0.05) return TRANSPARENT
  return (Number(rgb[1]) << 16) | (Number(rgb[2]) << 8) | Number(rgb[3])
}

/** Whether text of one colour cannot be told from a background of the other. */
export function sameColor(a: number, b: number): boolean {
  if (a === TRANSPARENT) return true
  if (b === TRANSPARENT) return false
  return (
    Math.abs((a >> 16) - (b >> 16)) +
      Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)) +
      Math.abs((a & 255) - (b & 255)) <=
    36
  )
}

const HIDES =
  /(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|opacity:0?(?:\.0[0-4]?\d*)?(?:;|!|$)|font-size:(?:0*(?:\.0\d*)?(?:px|pt|em|rem|%|;|!|$)|(?:0*\.\d+|1)(?:px|pt))|text-indent:-\d{3,}|(?:left|top|margin-left|margin-top):-\d{3,}|clip:rect\([01]|line-height:0(?:px|pt)?(?:;|!|$)|content-visibility:hidden)/
const ZERO_BOX = /(?:^|;)(?:max-)?(?:height|width):0(?:px|pt|em|%)?(?:;|!|$)/

/** Reads the declarations of a style attribute or rule. */
export function readStyle(declarations: string): StyleFacts {
  const bare = declarations.slice(0, 2048).toLowerCase().replace(/\s+/g, '')
  const hides = HIDES.test(bare) || (ZERO_BOX.test(bare) && bare.includes('overflow:hidden'))
  let color: number | null = null
  let background: number | null = null
  for (const declaration of bare.split(';')) {
    const colon = declaration.indexOf(':')
    const name = declaration.slice(0, colon)
    if (name === 'color') color = parseColor(declaration.slice(colon + 1).replace('!important', ''))
    else if (name === 'background-color' || name === 'background') {
      background = parseColor(declaration.slice(colon + 1).replace('!important', ''))
    }
  }
  return { hides, color, background: background === TRANSPARENT ? null : background }
}

/**
 * The simple selectors (`.class`, `#id`, `tag`) that a style sheet hides outside any at-rule: what `@media`
 * hides on some screens is ordinary design. At most `limit` are kept. Linear.
 */
export function hiddenSelectors(css: string, limit = 200): ReadonlySet<string> {
  const hidden = new Set<string>()
  let at = 0
  while (at < css.length && hidden.size < limit) {
    const open = css.indexOf('{', at)
    if (open < 0) break
    const selector = css.slice(Math.max(at, open - 500), open).trim()
    if (selector.includes('@')) {
      let depth = 1
      let end = open + 1
      while (end < css.length && depth > 0) {
        const code = css.charCodeAt(end++)
        if (code === 123) depth++
        else if (code === 125) depth--
      }
      at = end
      continue
    }
    const close = css.indexOf('}', open)
    const end = close < 0 ? css.length : close
    const facts = readStyle(css.slice(open + 1, end))
    if (facts.hides || facts.color === TRANSPARENT) {
      for (const one of selector.split(',')) {
        const simple = /^[a-z0-9]*([.#][\w-]{1,80})$/i.exec(one.trim())
        if (simple !== null) hidden.add((simple[1] as string).toLowerCase())
      }
    }
    at = end + 1
  }
  return hidden
}
