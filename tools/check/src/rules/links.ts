import { posix } from 'node:path'
import type { Finding, Rule, TextFile } from '../finding.ts'

/** A page without its code blocks and inline code, as long as before. */
function prose(markdown: string): string {
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ')
  return markdown
    .replace(/^( {0,3})(```+|~~~+)[^\n]*\n[\s\S]*?(?:^ {0,3}\2[^\n]*$|(?![\s\S]))/gm, blank)
    .replace(/(`+)(?!`)[^\n]*?[^`]\1(?!`)/g, blank)
}

/** Names of a page's headings as links spell them (GitHub's way). */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  const fenceless = markdown.replace(/^ {0,3}(```+|~~~+)[^\n]*\n[\s\S]*?^ {0,3}\1/gm, '')
  for (const match of fenceless.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = (match[1] as string).replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')
    const anchor = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replace(/\s/g, '-')
    let name = anchor
    for (let i = 1; anchors.has(name); i++) name = `${anchor}-${i}`
    anchors.add(name)
  }
  for (const match of markdown.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(match[1] as string)
  return anchors
}

/** Whether links from page to page and file lead somewhere, headings included. */
export function checkLinks(files: readonly TextFile[]): readonly Finding[] {
  const findings: Finding[] = []
  const places = new Set<string>()
  const pages = new Map<string, string>()
  for (const { path, text } of files) {
    for (let step = path; step !== '.'; step = posix.dirname(step)) places.add(step)
    if (text !== null && path.endsWith('.md')) pages.set(path, text)
  }
  places.add('.')
  for (const [path, text] of pages) {
    const shown = prose(text)
    const links = [
      ...shown.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
      ...shown.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm),
    ]
    for (const match of links) {
      const link = match[1] as string
      if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(link)) continue
      const line = text.slice(0, match.index).split('\n').length
      const [target = '', anchor] = link.split('#')
      const place =
        target === '' ? path : posix.join(posix.dirname(path), decodeURI(target)).replace(/\/$/, '')
      if (link.startsWith('/') || !places.has(place))
        findings.push({
          file: path,
          line,
          what: `links to ${link}, which is not there`,
          fix: 'put the path right, relative to this page, or commit what it names',
        })
      else if (anchor && pages.has(place) && !anchorsOf(pages.get(place) as string).has(anchor.toLowerCase()))
        findings.push({
          file: path,
          line,
          what: `links to ${link}, but ${place} has no such heading`,
          fix: 'put the anchor right',
        })
    }
  }
  return findings
}

export const links: Rule = {
  name: 'links',
  purpose: 'relative links in pages lead somewhere',
  check: (workspace) => checkLinks(workspace.files),
}
