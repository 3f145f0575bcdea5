/** Second-level labels under country codes below which anyone may register: `co.uk`, `com.br`. */
const SECOND_LEVEL = new Set(
  (
    'ac co com edu gov gob gouv gv go govt net org mil nom or ne id ltd me plc sch nhs police mod asn adm adv art ' +
    'blog eco eng esp etc eti far flog fm fnd fot fst ggf imb ind inf jor jus leg lel mat med mus not ntr odo ppg ' +
    'pro psc psi qsl radio rec slg srv tmp trd tur tv vet vlog wiki zlg firm gen res nic web info biz name shop ' +
    'geek iwi kiwi maori school cri health parliament club ebiz game idv ab bc mb nb nf nl ns nt nu on pe qc sk yk ' +
    'ah bj cq fj gd gs gx gz ha hb he hi hk hl hn jl js jx ln mo nm nx qh sc sd sh sn sx tj tw xj xz yn zj ' +
    'msk spb muni k12 lg ed gr ad aichi tokyo osaka kyoto in mobi press store tech law nt sa vic wa'
  ).split(' '),
)
/** Where a label below is somebody else's: hosting and short-lived addresses that phishing likes. */
const SHARED = new Set(
  (
    'blogspot.com github.io gitlab.io herokuapp.com netlify.app vercel.app pages.dev workers.dev web.app ' +
    'firebaseapp.com azurewebsites.net azureedge.net cloudfront.net amazonaws.com s3.amazonaws.com appspot.com ' +
    'wordpress.com weebly.com wixsite.com tumblr.com livejournal.com narod.ru ucoz.ru tilda.ws duckdns.org ' +
    'no-ip.org ddns.net dyndns.org ngrok.io ngrok-free.app trycloudflare.com r2.dev repl.co glitch.me surge.sh ' +
    'onrender.com fly.dev square.site myshopify.com sharepoint.com uk.com us.com eu.com de.com co.com gb.net ' +
    'windows.net core.windows.net translate.goog backblazeb2.com digitaloceanspaces.com'
  ).split(' '),
)
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[.*\]|[0-9a-f]*:[0-9a-f:.]+)$/

/**
 * The part of a host that somebody registered: `news.bank.co.uk` -> `bank.co.uk`, `evil.github.io` stays whole.
 * By rules and two short tables instead of the full public suffix list; an IP address is its own domain.
 */
export function registrableDomain(host: string): string {
  if (host === '' || ADDRESS.test(host)) return host
  const last = host.lastIndexOf('.')
  if (last < 0) return host
  const second = host.lastIndexOf('.', last - 1)
  if (second < 0) return host
  const top = host.slice(last + 1)
  const third = host.lastIndexOf('.', second - 1)
  const two = host.slice(second + 1)
  if (SHARED.has(two)) {
    const three = host.slice(third + 1)
    if (third > 0 && SHARED.has(three)) return host.slice(host.lastIndexOf('.', third - 1) + 1)
    return three
  }
  if (top.length === 2 && SECOND_LEVEL.has(host.slice(second + 1, last))) return host.slice(third + 1)
  return two
}
