import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PeerResult, type RunOptions, runPeer } from '@restante/peers'

/** Where, as whom and how a client polls. */
export interface Poll {
  readonly port: number
  /** TLS from the first octet, or STLS. */
  readonly tls: 'pop3s' | 'stls'
  readonly login: string
  readonly password: string
  /** Whether what is fetched stays on the server. */
  readonly keep: boolean
  /** The client's own folder; the same for every poll of one maildrop, so that it remembers what it has. */
  readonly folder: string
  /** PEM file with the server's certificate, for clients that must know it. */
  readonly certificate: string
}

/** What a client brought home. */
export interface Polled {
  readonly messages: readonly Buffer[]
  /** The unique-ids it saw, in order; null for a client that keeps them to itself. */
  readonly ids: readonly string[] | null
}

/** A real POP3 client that polls a maildrop again and again. */
export interface PollingClient {
  readonly name: string
  /** What must be installed. */
  readonly peers: readonly string[]
  readonly tls: readonly ('pop3s' | 'stls')[]
  /** Whether it fetches, of what stays on the server, only what it has not had. */
  readonly remembers: boolean
  /**
   * What of a message it keeps: every octet; all but the kind of line ends; all but empty lines and what it notes about
   * their number in the header; all but white space.
   */
  readonly keeps: 'octets' | 'lines' | 'all but empty lines' | 'all but white space'
  /** Messages it is known to spoil; they are only counted. */
  readonly spoils?: RegExp
  poll(poll: Poll): Promise<Polled>
}

const BOTH = ['pop3s', 'stls'] as const

/** The clients people use, all from Debian. */
export const POLLING_CLIENTS: readonly PollingClient[] = [
  { name: 'curl', peers: ['curl'], tls: BOTH, remembers: false, keeps: 'octets', poll: pollWithCurl },
  {
    name: 'fetchmail',
    peers: ['fetchmail'],
    tls: BOTH,
    remembers: true,
    keeps: 'all but empty lines',
    // It breaks lines of more than 8,192 octets, and leaves a NUL there.
    spoils: /^Subject: long line\r?$/m,
    poll: pollWithFetchmail,
  },
  { name: 'mpop', peers: ['mpop'], tls: BOTH, remembers: true, keeps: 'lines', poll: pollWithMpop },
  {
    name: 'getmail',
    peers: ['getmail'],
    tls: ['pop3s'],
    remembers: true,
    keeps: 'all but white space',
    poll: pollWithGetmail,
  },
  {
    name: 'mutt, fetching',
    peers: ['mutt', 'script', 'sh'],
    tls: BOTH,
    remembers: false,
    keeps: 'all but empty lines',
    poll: (poll) => pollWithMutt(poll, 'fetch'),
  },
  {
    name: 'mutt, reading the maildrop',
    peers: ['mutt', 'script', 'sh'],
    tls: BOTH,
    remembers: false,
    keeps: 'all but empty lines',
    poll: (poll) => pollWithMutt(poll, 'open'),
  },
  {
    name: 'Python poplib',
    peers: ['python3'],
    tls: BOTH,
    remembers: false,
    keeps: 'octets',
    poll: (poll) => pollWithScript('python3', ['-c', PYTHON], poll),
  },
  {
    name: 'Perl Net::POP3',
    peers: ['Net::POP3', 'IO::Socket::SSL'],
    tls: BOTH,
    remembers: false,
    keeps: 'lines',
    poll: (poll) => pollWithScript('Net::POP3', ['-e', PERL], poll),
  },
  {
    name: 'Ruby net/pop',
    peers: ['ruby'],
    tls: ['pop3s'],
    remembers: false,
    keeps: 'octets',
    poll: (poll) => pollWithScript('ruby', ['-e', RUBY], poll),
  },
]

/** Runs a peer and throws what it said where it did not end as accepted. */
async function run(
  name: string,
  args: readonly string[],
  options: RunOptions = {},
  accepted: readonly number[] = [0],
): Promise<PeerResult> {
  const result = await runPeer(name, args, { timeoutMs: 120_000, ...options })
  if (result.exitCode === null || !accepted.includes(result.exitCode))
    throw new Error(`${name} ended with ${result.exitCode}: ${result.errorText}${result.text}`)
  return result
}

/** An empty folder of that name. */
function freshFolder(parent: string, name: string): string {
  const folder = join(parent, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  return folder
}

function writePrivate(folder: string, name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

function readFolder(folder: string): readonly Buffer[] {
  return readdirSync(folder).map((file) => readFileSync(join(folder, file)))
}

/** A program that keeps each message it is given in a file of its own. */
function makeKeeper(folder: string, got: string): string {
  const keep = join(folder, 'keep.sh')
  writeFileSync(keep, `#!/bin/sh\nexec cat > "$(mktemp "${got}/XXXXXXXX")"\n`, { mode: 0o700 })
  return keep
}

/** An empty Maildir; a client delivers into its `new`. */
function freshMaildir(folder: string): string {
  const maildir = freshFolder(folder, 'maildir')
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, part))
  return maildir
}

async function pollWithCurl({ port, tls, login, password, keep, folder }: Poll): Promise<Polled> {
  // The login may hold colons and slashes, which `user =` and a bare URL would take for their own.
  const common = `insecure\nsilent\nshow-error\n${tls === 'stls' ? 'ssl-reqd\n' : ''}`
  const who = `${encodeURIComponent(login)}:${encodeURIComponent(password)}`
  const url = `${tls === 'stls' ? 'pop3' : 'pop3s'}://${who}@127.0.0.1:${port}/`
  const curl = async (lines: readonly string[]): Promise<string> =>
    (await run('curl', ['-q', '-K', writePrivate(folder, 'curlrc', lines.join('\nnext\n'))])).text
  const listed = await curl([`${common}url = "${url}"\nrequest = "UIDL"`])
  const ids = listed
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\d+ /, ''))
  const got = freshFolder(folder, 'got')
  if (ids.length > 0) await curl([`${common}url = "${url}[1-${ids.length}]"\noutput = "${got}/#1"`])
  const messages = ids.map((_, i) => readFileSync(join(got, String(i + 1))))
  if (!keep && ids.length > 0)
    await curl(ids.map((_, i) => `${common}url = "${url}${i + 1}"\nrequest = "DELE"\nhead`))
  return { messages, ids }
}

async function pollWithFetchmail({ port, tls, login, password, keep, folder }: Poll): Promise<Polled> {
  const got = freshFolder(folder, 'got')
  const rc = writePrivate(
    folder,
    'fetchmailrc',
    `set invisible
poll 127.0.0.1 protocol pop3 port ${port} uidl bad-header accept
  user "${login}" password "${password}"
  ${tls === 'pop3s' ? 'ssl' : 'sslproto "TLS1.2+"'} no sslcertck ${keep ? 'no fetchall keep' : 'fetchall no keep'}
  no rewrite no mimedecode mda "${makeKeeper(folder, got)}"
`,
  )
  const args = ['-f', rc, '--pidfile', join(folder, 'pid'), '-i', join(folder, 'ids')]
  // 1 = there was no mail.
  await run(
    'fetchmail',
    [...args, '--nosyslog', '--nodetach', '-s'],
    { env: { HOME: folder, FETCHMAILHOME: folder } },
    [0, 1],
  )
  return { messages: readFolder(got), ids: null }
}

async function pollWithMpop({ port, tls, login, password, keep, folder }: Poll): Promise<Polled> {
  const maildir = freshMaildir(folder)
  const rc = writePrivate(
    folder,
    'mpoprc',
    `account default
host 127.0.0.1
port ${port}
user ${login}
password "${password}"
tls on
tls_starttls ${tls === 'stls' ? 'on' : 'off'}
tls_certcheck off
keep ${keep ? 'on' : 'off'}
received_header off
delivery maildir ${maildir}
uidls_file ${join(folder, 'uidls')}
`,
  )
  await run('mpop', ['-C', rc, '-q'], { env: { HOME: folder } })
  return { messages: readFolder(join(maildir, 'new')), ids: null }
}

async function pollWithGetmail({ port, login, password, keep, folder }: Poll): Promise<Polled> {
  const got = freshFolder(folder, 'got')
  const rc = writePrivate(
    folder,
    'getmailrc',
    `[retriever]
type = SimplePOP3SSLRetriever
server = 127.0.0.1
port = ${port}
username = ${login}
password = ${password}
[destination]
type = MDA_external
path = ${makeKeeper(folder, got)}
allow_root_commands = true
[options]
delete = ${keep ? 'false' : 'true'}
read_all = false
verbose = 0
delivered_to = false
received = false
`,
  )
  await run('getmail', ['--rcfile', rc, '--getmaildir', folder], { env: { HOME: folder } })
  return { messages: readFolder(got), ids: null }
}

/**
 * mutt needs a terminal, which `script` gives it, with a pipe that stays open for a keyboard; what it is to do is pushed
 * as keys. Its SCRAM-SHA-256-PLUS knows no channel binding of TLS 1.3 and does not fall back, so it is not to try.
 */
async function pollWithMutt(poll: Poll, way: 'fetch' | 'open'): Promise<Polled> {
  const { port, tls, login, password, keep, folder, certificate } = poll
  const maildir = freshMaildir(folder)
  const url = `${tls === 'stls' ? 'pop' : 'pops'}://127.0.0.1:${port}`
  const keys =
    way === 'fetch'
      ? '<fetch-mail><exit>'
      : `<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>${maildir}<enter>${keep ? '' : '<delete-pattern>~A<enter>'}<quit>`
  const rc = writePrivate(
    folder,
    'muttrc',
    `set pop_host="${url}" pop_user="${login}" pop_pass="${password}" pop_delete=${keep ? 'no' : 'yes'}
set pop_authenticators="scram-sha-256:user" pop_last=no pop_reconnect=no pop_checkinterval=0 ssl_starttls=yes ssl_verify_host=no
set certificate_file="${certificate}"
set mbox_type=Maildir spoolfile="${maildir}" folder="${folder}" record="" move=no confirmappend=no confirmcreate=no
set delete=yes quit=yes wait_key=no beep=no sleep_time=0 header_cache="" message_cachedir="" mark_old=no
set mail_check=0 save_empty=yes copy=no sort=mailbox-order maildir_trash=no
push "${keys}"
`,
  )
  const target = way === 'fetch' ? maildir : `${url}/`
  const command = `mutt -n -F '${rc}' -f '${target}'`
  await run(
    'sh',
    ['-c', 'rm -f keys && mkfifo keys && exec script -qec "$1" /dev/null <>keys', 'sh', command],
    {
      cwd: folder,
      env: { HOME: folder, TERM: 'xterm', SHELL: '/bin/sh' },
    },
  )
  return { messages: [...readFolder(join(maildir, 'new')), ...readFolder(join(maildir, 'cur'))], ids: null }
}

/** A script that prints, for each message, its unique-id and its octets in base64. */
async function pollWithScript(peer: string, args: readonly string[], poll: Poll): Promise<Polled> {
  const { port, tls, login, password, keep } = poll
  const { text } = await run(peer, args, {
    env: { TLS: tls, PORT: String(port), LOGIN: login, SECRET: password, KEEP: keep ? 'yes' : '' },
  })
  const lines = text.split('\n').filter((line) => line !== '')
  return {
    messages: lines.map((line) => Buffer.from(line.split(' ')[1] ?? '', 'base64')),
    ids: lines.map((line) => line.split(' ')[0] as string),
  }
}

const PYTHON = `
import base64, os, poplib, ssl
poplib._MAXLINE = 1 << 20
e = os.environ
tls = ssl._create_unverified_context()
if e['TLS'] == 'pop3s':
    pop = poplib.POP3_SSL('127.0.0.1', int(e['PORT']), context=tls)
else:
    pop = poplib.POP3('127.0.0.1', int(e['PORT']))
    pop.stls(context=tls)
pop.user(e['LOGIN'])
pop.pass_(e['SECRET'])
for line in pop.uidl()[1]:
    number, uid = line.decode().split(' ')
    octets = b''.join(part + b'\\r\\n' for part in pop.retr(int(number))[1])
    print(uid, base64.b64encode(octets).decode())
    if not e['KEEP']:
        pop.dele(int(number))
pop.quit()
`

const PERL = `
use strict; use warnings; use Net::POP3; use MIME::Base64;
my %tls = (SSL_verify_mode => 0, SSL_verifycn_scheme => 'none');
my $pop = Net::POP3->new('127.0.0.1', Port => $ENV{PORT}, $ENV{TLS} eq 'pop3s' ? (SSL => 1, %tls) : ()) or die "no connection: $@";
$ENV{TLS} eq 'pop3s' or $pop->starttls(%tls) or die 'no STLS: ' . $pop->message;
defined $pop->login($ENV{LOGIN}, $ENV{SECRET}) or die 'no login: ' . $pop->message;
my $ids = $pop->uidl;
for my $number (sort { $a <=> $b } keys %$ids) {
  my $lines = $pop->get($number) or die 'no message: ' . $pop->message;
  print "$ids->{$number} ", encode_base64(join('', @$lines), ''), "\\n";
  $ENV{KEEP} or $pop->delete($number) or die 'not deleted: ' . $pop->message;
}
$pop->quit or die 'no QUIT: ' . $pop->message;
`

const RUBY = `
require 'net/pop'
require 'openssl'
pop = Net::POP3.new('127.0.0.1', ENV['PORT'].to_i)
pop.enable_ssl(OpenSSL::SSL::VERIFY_NONE)
pop.start(ENV['LOGIN'], ENV['SECRET']) do |session|
  session.mails.each do |mail|
    puts mail.unique_id + ' ' + [mail.pop].pack('m0')
    mail.delete if ENV['KEEP'].empty?
  end
end
`
