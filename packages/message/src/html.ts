import { decodeEntities } from './entities.ts'
import { hiddenSelectors, parseColor, readStyle, sameColor } from './html-style.ts'

/** What the HTML of a message is made of. */
export interface HtmlFacts {
  readonly tags: number
  readonly images: number
  readonly links: number
  readonly forms: number
  readonly scripts: number
  readonly comments: number
  /** Comments and unknown elements that stand inside a word. */
  readonly splitWords: number
  readonly visibleCharacters: number
  readonly hiddenCharacters: number
  /** Names of elements in order of first use, at most 64. */
  readonly tagNames: readonly string[]
  readonly title: string
}

/** An address that HTML leads to, with the text shown for it. */
export interface HtmlLink {
  readonly href: string
  readonly text: string
  readonly place: 'link' | 'resource' | 'form'
}

/** What a person would see of an HTML page, and what not. */
export interface HtmlReading {
  /** What a person would see. */
  readonly text: string
  /** What they would not: hidden by style, colour or size. */
  readonly hiddenText: string
  /** Alternative texts of images. */
  readonly altText: string
  readonly links: readonly HtmlLink[]
  readonly facts: HtmlFacts
}

interface Element {
  readonly name: string
  /** Hidden by style, whatever its children say; hiding by colour depends on their own colours. */
  readonly hidden: boolean
  readonly color: number
  readonly background: number
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}
const BLOCK = words(
  'p div br tr li ul ol table h1 h2 h3 h4 h5 h6 blockquote pre hr dl dt dd center form address article section header ' +
    'footer nav main aside fieldset legend option select tbody thead tfoot body html figure details summary title',
)
const VOID = words(
  'area base br col embed hr img input link meta param source track wbr basefont bgsound frame keygen',
)
const KNOWN = words(
  'a abbr acronym b big bdo cite code del dfn em font i ins kbd label mark nobr q s samp small span strike strong sub ' +
    'sup tt u var wbr img input button textarea td th caption colgroup col style script head meta link base map area ' +
    'object embed param iframe noscript o:p v:shape',
)
const MAX_STACK = 512
const CLOSE_SEARCH = 64
const ATTRIBUTE = /([^\s=>"'/]{1,80})(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>][^\s>]*)))?/g
const MAX_TAG = 8192
const MAX_CSS = 65_536
const MAX_LINKS = 2000
const MAX_SELECTORS = 400
const NAME_END = /[\s/>]/g

function attributesOf(tag: string, from: number): Map<string, string> {
  const attributes = new Map<string, string>()
  ATTRIBUTE.lastIndex = from
  for (let found = ATTRIBUTE.exec(tag); found !== null && attributes.size < 40; found = ATTRIBUTE.exec(tag)) {
    const name = (found[1] as string).toLowerCase()
    if (!attributes.has(name)) attributes.set(name, decodeEntities(found[2] ?? found[3] ?? found[4] ?? ''))
  }
  return attributes
}

function isWordCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 0xc0 && code < 0x2000)
}

/** A long text's first three quarters and last quarter of `limit` characters: padding in front hides nothing behind. */
export function headAndTail(text: string, limit: number): string {
  if (text.length <= limit) return text
  const tail = limit >> 2
  return `${text.slice(0, Math.max(0, limit - tail - 1))}\n${tail === 0 ? '' : text.slice(-tail)}`
}

/**
 * Reads HTML as a person sees it, in one linear pass without building a tree: block elements break lines,
 * inline ones and comments join words, style sheets, scripts and what style, colour or size make invisible are
 * left out of `text`. At most `maxCharacters` of text are kept. Never throws.
 */
export function readHtml(html: string, maxCharacters: number): HtmlReading {
  const visible: string[] = []
  const hidden: string[] = []
  const alts: string[] = []
  const links: HtmlLink[] = []
  const stack: Element[] = []
  const tagNames: string[] = []
  const seenTags = new Set<string>()
  let overflow = 0
  let visibleCharacters = 0
  let hiddenCharacters = 0
  let tags = 0
  let images = 0
  let anchors = 0
  let forms = 0
  let scripts = 0
  let comments = 0
  let splitWords = 0
  let title = ''
  let cssLeft = MAX_CSS
  const hiddenBy = new Set<string>()
  let styleHides = false
  let isHidden = false
  let color = 0
  let background = 0xffffff
  /** Last character shown; 10 at a line start. */
  let last = 10
  let linkHref: string | null = null
  let linkFrom = 0
  let noMoreDouble = false
  let noMoreSingle = false
  const length = html.length

  const endLink = (): void => {
    if (linkHref === null) return
    if (links.length < MAX_LINKS)
      links.push({
        href: linkHref,
        text: visible
          .slice(linkFrom, linkFrom + 20)
          .join('')
          .trim()
          .slice(0, 300),
        place: 'link',
      })
    linkHref = null
  }
  const emit = (raw: string): void => {
    let text = decodeEntities(raw).replace(/[ \t\r\n\f\u00a0]+/g, ' ')
    if (isHidden) {
      if (hiddenCharacters < maxCharacters) hidden.push(text)
      hiddenCharacters += text.trim().length
      return
    }
    if ((last === 10 || last === 32) && text.charCodeAt(0) === 32) text = text.slice(1)
    if (text === '') return
    visibleCharacters += text.length
    visible.push(text)
    last = text.charCodeAt(text.length - 1)
  }
  const breakLine = (): void => {
    if (isHidden) hidden.push(' ')
    else if (last !== 10) {
      visible.push('\n')
      last = 10
    }
  }
  const restore = (): void => {
    const top = stack[stack.length - 1]
    styleHides = top?.hidden ?? false
    color = top?.color ?? 0
    background = top?.background ?? 0xffffff
    isHidden = styleHides || (color !== 0 && sameColor(color, background))
  }
  const popTo = (index: number): void => {
    stack.length = index
    restore()
  }
  const closeImplied = (name: string): void => {
    const top = stack[stack.length - 1]?.name
    if (top === undefined) return
    const closes =
      (top === 'p' && BLOCK.has(name)) ||
      (name === 'li' && top === 'li') ||
      ((name === 'td' || name === 'th') && (top === 'td' || top === 'th')) ||
      (name === 'option' && top === 'option')
    if (closes) popTo(stack.length - 1)
    if (name === 'tr') {
      while (/^t[dhr]$/.test(stack[stack.length - 1]?.name ?? '')) popTo(stack.length - 1)
    }
  }
  /** Index of the `>` that ends the tag at `from`, or -1. */
  const tagEnd = (from: number): number => {
    let at = from
    while (at < length) {
      const code = html.charCodeAt(at)
      if (code === 62) return at
      if (code === 61) {
        let value = at + 1
        while (value < length && html.charCodeAt(value) <= 32) value++
        const quote = html.charCodeAt(value)
        if ((quote === 34 && !noMoreDouble) || (quote === 39 && !noMoreSingle)) {
          const close = html.indexOf(quote === 34 ? '"' : "'", value + 1)
          if (close < 0) {
            if (quote === 34) noMoreDouble = true
            else noMoreSingle = true
          } else value = close
          at = value + 1
        } else at = Math.max(value, at + 1)
      } else at++
    }
    return -1
  }

  let at = 0
  while (at < length) {
    const lt = html.indexOf('<', at)
    if (lt < 0) {
      emit(html.slice(at))
      break
    }
    if (lt > at) emit(html.slice(at, lt))
    const next = html.charCodeAt(lt + 1)
    if (next === 33 || next === 63) {
      comments++
      const dashes = html.startsWith('<!--', lt)
      const end = dashes ? html.indexOf('-->', lt + 2) : html.indexOf('>', lt + 2)
      at = end < 0 ? length : end + (dashes ? 3 : 1)
      if (isWordCode(last) && isWordCode(html.charCodeAt(at))) splitWords++
      continue
    }
    const closing = next === 47
    const first = html.charCodeAt(closing ? lt + 2 : lt + 1) | 32
    if (!(first >= 97 && first <= 122)) {
      if (closing) {
        const end = html.indexOf('>', lt)
        at = end < 0 ? length : end + 1
      } else {
        emit('<')
        at = lt + 1
      }
      continue
    }
    let end = tagEnd(lt + 2)
    if (end < 0) end = length
    const tag = html.slice(lt + (closing ? 2 : 1), Math.min(end, lt + MAX_TAG))
    at = end + 1
    NAME_END.lastIndex = 0
    const nameEnd = NAME_END.exec(tag)?.index ?? tag.length
    const name = tag.slice(0, Math.min(nameEnd, 40)).toLowerCase()
    tags++
    if (!seenTags.has(name) && tagNames.length < 64) {
      seenTags.add(name)
      tagNames.push(name)
    }
    if (BLOCK.has(name)) breakLine()
    else if (name === 'td' || name === 'th') {
      if (!isHidden && last !== 10 && last !== 32) {
        visible.push(' ')
        last = 32
      }
    } else if (!KNOWN.has(name) && isWordCode(last) && isWordCode(html.charCodeAt(at))) splitWords++

    if (closing) {
      if (name === 'a') endLink()
      if (overflow > 0) {
        overflow--
        continue
      }
      for (let i = stack.length - 1; i >= 0 && i >= stack.length - CLOSE_SEARCH; i--) {
        if (stack[i]?.name === name) {
          popTo(i)
          break
        }
      }
      continue
    }

    closeImplied(name)
    if (name === 'script' || name === 'style' || name === 'title' || name === 'textarea') {
      const close =
        name === 'script'
          ? /<\/script/gi
          : name === 'style'
            ? /<\/style/gi
            : name === 'title'
              ? /<\/title/gi
              : /<\/textarea/gi
      close.lastIndex = at
      const found = close.exec(html)
      const stop = found === null ? length : found.index
      if (name === 'script') scripts++
      else if (name === 'title')
        title = decodeEntities(html.slice(at, Math.min(stop, at + 1000)))
          .replace(/\s+/g, ' ')
          .trim()
      else if (name === 'textarea') emit(html.slice(at, stop))
      else if (cssLeft > 0) {
        const css = html.slice(at, Math.min(stop, at + cssLeft))
        cssLeft -= css.length + 1
        for (const selector of hiddenSelectors(css)) if (hiddenBy.size < MAX_SELECTORS) hiddenBy.add(selector)
      }
      const gt = found === null ? -1 : html.indexOf('>', stop)
      at = gt < 0 ? length : gt + 1
      continue
    }

    const attributes = tag.length > nameEnd + 2 ? attributesOf(tag, nameEnd) : null
    if (attributes !== null) {
      if (name === 'a' || name === 'area') {
        const href = attributes.get('href')
        if (href !== undefined) {
          anchors++
          endLink()
          linkHref = href
          linkFrom = visible.length
          if (name === 'area') endLink()
        }
      } else if (name === 'img' || name === 'input') {
        const alt = attributes.get('alt')
        if (alt !== undefined && alt !== '' && alts.length < 100) alts.push(alt.slice(0, 300))
        const value = name === 'input' ? attributes.get('value') : undefined
        if (value !== undefined && attributes.get('type')?.toLowerCase() !== 'hidden') emit(` ${value} `)
      } else if (name === 'form' && links.length < MAX_LINKS) {
        links.push({ href: attributes.get('action') ?? '', text: '', place: 'form' })
      } else if (name === 'meta' && /refresh/i.test(attributes.get('http-equiv') ?? '')) {
        const target = /url\s*=\s*['"]?([^'"\s]{1,2048})/i.exec(attributes.get('content') ?? '')
        if (target !== null) links.push({ href: target[1] as string, text: '', place: 'link' })
      }
      const resource =
        attributes.get('src') ??
        attributes.get('background') ??
        (name === 'object' ? attributes.get('data') : undefined)
      if (resource !== undefined && resource !== '' && links.length < MAX_LINKS)
        links.push({ href: resource, text: '', place: 'resource' })
    }
    if (name === 'img') images++
    if (name === 'form') forms++
    if (VOID.has(name)) continue
    if (stack.length >= MAX_STACK) {
      overflow++
      continue
    }
    if (attributes !== null) {
      const style = attributes.get('style')
      const facts = style === undefined ? null : readStyle(style)
      const ownColor =
        facts?.color ?? (attributes.has('color') ? parseColor(attributes.get('color') as string) : null)
      const text = name === 'body' ? attributes.get('text') : undefined
      const bg =
        facts?.background ??
        (attributes.has('bgcolor') ? parseColor(attributes.get('bgcolor') as string) : null)
      color = ownColor ?? (text === undefined ? null : parseColor(text)) ?? color
      background = bg ?? background
      let hides = facts?.hides === true || attributes.has('hidden')
      if (hiddenBy.size > 0 && !hides) {
        const id = attributes.get('id')
        hides =
          (id !== undefined && hiddenBy.has(`#${id.toLowerCase()}`)) ||
          (attributes.get('class') ?? '').split(/\s+/).some((one) => hiddenBy.has(`.${one.toLowerCase()}`))
      }
      if (hides) styleHides = true
      isHidden = styleHides || (color !== 0 && sameColor(color, background))
    }
    stack.push({ name, hidden: styleHides, color, background })
  }
  endLink()
  return {
    text: headAndTail(visible.join('').trim(), maxCharacters),
    hiddenText: hidden.join(' ').replace(/\s+/g, ' ').slice(0, maxCharacters).trim(),
    altText: alts.join('\n'),
    links,
    facts: {
      tags,
      images,
      links: anchors,
      forms,
      scripts,
      comments,
      splitWords,
      visibleCharacters,
      hiddenCharacters,
      tagNames,
      title,
    },
  }
}
