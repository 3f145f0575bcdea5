import { describe, expect, it } from 'vitest'
import { readHtml } from '../src/html.ts'

describe('visible text of HTML', () => {
  it.each([
    ['<p>one</p><p>two</p>', 'one\ntwo'],
    ['a<br>b<BR/>c', 'a\nb\nc'],
    ['in<b>side</b> a <i>word</i>', 'inside a word'],
    ['vi<!-- x -->ag<!---->ra', 'viagra'],
    ['vi<xyz>ag</xyz>ra', 'viagra'],
    ['<td>a</td><td>b</td>', 'a b'],
    ['a &lt;b&gt; &amp;amp; &eacute;&#233;&#xE9;&euro; &unknown;', 'a <b> &amp; ééé€ &unknown;'],
    ['&#147;quoted&#148;', '“quoted”'],
    ['a&nbsp;&nbsp; b', 'a b'],
    ['5 < 6 and 7 > 6', '5 < 6 and 7 > 6'],
    ['<style>p{}</style>text<script>alert("<p>no</p>")</script>', 'text'],
    ['<title>t</title>body', 'body'],
    ['<a href="x>y">link</a>', 'link'],
    ["<p title='a\"b'>x</p>", 'x'],
    ['<a href="never closed>text', 'text'],
    ['text<!-- never closed', 'text'],
    ['<input type="submit" value="Send"><input type="hidden" value="no">', 'Send'],
    ['', ''],
    ['<', '<'],
    ['</', ''],
  ])('of %j is %j', (html, text) => {
    expect(readHtml(html, 1000).text).toBe(text)
  })

  it.each([
    ['display', '<div style="display: none">HID</div>seen'],
    ['visibility', '<span style="VISIBILITY:hidden;">HID</span>seen'],
    ['size', '<span style="font-size:0px">HID</span>seen'],
    ['one pixel', '<span style="font-size: 1px">HID</span>seen'],
    ['opacity', '<span style="opacity:0">HID</span>seen'],
    ['text-indent', '<p style="text-indent:-9999px">HID</p>seen'],
    ['place', '<p style="position:absolute;left:-5000px">HID</p>seen'],
    ['empty box', '<div style="max-height:0;overflow:hidden">HID</div>seen'],
    ['attribute', '<div hidden>HID</div>seen'],
    ['colour of the background', '<body bgcolor="#336699"><font color="#336699">HID</font>seen</body>'],
    ['white on white', '<font color=white>HID</font>seen'],
    ['nearly white', '<span style="color:#fdfdfd">HID</span>seen'],
    ['transparent', '<span style="color:transparent">HID</span>seen'],
    ['a class', '<style>.x, b.y { display:none }</style><p class="a x">HID</p>seen'],
    ['an id', '<style>#z{font-size:0}</style><p id=z>HID</p>seen'],
    ['nested', '<div style="display:none"><p><b>HID</b></p></div>seen'],
  ])('leaves out what is hidden by %s', (_how, html) => {
    const reading = readHtml(html, 1000)
    expect(reading.text).toBe('seen')
    expect(reading.hiddenText).toBe('HID')
  })

  it.each([
    ['black on white inside a white cell', '<td bgcolor=white><font color=black>seen</font></td>'],
    [
      'white on black',
      '<table bgcolor="#000000"><tr><td><font color="#ffffff">seen</font></td></tr></table>',
    ],
    ['visible again inside white', '<font color=white><font color=red>seen</font></font>'],
    [
      'hidden on small screens only',
      '<style>@media (max-width:600px){.x{display:none}}</style><p class=x>seen</p>',
    ],
    ['small but legible', '<span style="font-size:10px">seen</span>'],
    ['a font size of 0.9em', '<span style="font-size:0.9em">seen</span>'],
    ['half opaque', '<span style="opacity:0.5">seen</span>'],
    ['an unclosed paragraph before', '<p style="display:none"><p>seen</p>'],
  ])('keeps %s', (_how, html) => {
    expect(readHtml(html, 1000).text).toBe('seen')
  })

  it('gives links with their texts', () => {
    const { links } = readHtml(
      '<a href="http://e.example/?a=1&amp;b=2">www.<b>bank</b>.example</a><img src=i.gif><form action=/go>',
      1000,
    )
    expect(links).toEqual([
      { href: 'http://e.example/?a=1&b=2', text: 'www.bank.example', place: 'link' },
      { href: 'i.gif', text: '', place: 'resource' },
      { href: '/go', text: '', place: 'form' },
    ])
  })

  it('counts what markup is made of', () => {
    const { facts } = readHtml('<title>T</title><p>a<!-- -->b<img><form></form><script></script></p>', 1000)
    expect(facts).toMatchObject({ title: 'T', images: 1, forms: 1, scripts: 1, comments: 1, splitWords: 1 })
  })
})
