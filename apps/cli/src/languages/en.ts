/** Everything `serve`, `dev` and the help say, once per language. */
export interface Words {
  readonly help: string
  unknownCommand(name: string, close: string | null): string
  readonly ready: string
  readonly stopHint: string
  readonly stopping: string
  readonly mailIn: string
  readonly mailOut: string
  readonly inTls: string
  readonly data: string
  readonly temporary: string
  readonly account: string
  readonly password: string
  readonly shownOnce: string
  readonly tryIt: string
  readonly config: string
  readonly selfSigned: string
  /** `where`: the option or setting that chooses it. */
  portInUse(address: string, where: string): string
  portForbidden(address: string, key: string): string
  alreadyRunning(pid: number, directory: string): string
}

export const en: Words = {
  help: `restante: mail in by SMTP, judged, kept, handed out by POP3

  restante serve [receiver|pop3d|learner]   run the suite (or one role), settings in restante.yaml
  restante dev                              the whole stack on free ports, for developers
  restante account add|list|remove|password people
  restante account devices|quota|erase|export who picks mail up; limits; going
  restante domain add|list|remove           whose mail is taken
  restante alias add|list|remove            other names for addresses
  restante deliver --to ADDRESS FILE…       put messages into the store
  restante mail dump --account ADDRESS      every stored message
  restante mail list|find|undelete          what is stored; what was removed comes back
  restante quarantine list|show|release|delete mail that is held back
  restante learn ham|spam FILE|DIR|mbox     teach the spam filter
  restante explain FILE|ID                  why a message was judged as it was
  restante store verify|compact|stats|…     check it, give room back, count, repair
  restante backup create|verify|restore DIR copies that are known to restore
  restante upgrade --check                  what a new release would do to the store
  restante send-test ADDRESS                send a test message by SMTP
  restante config check|show                the settings, each with its meaning
  restante reload                           take changed settings and certificates over
  restante throttle list|clear [ADDRESS]    who must wait after wrong passwords

Every command takes --data DIR or --config FILE; add --json for machines.`,
  unknownCommand: (name, close) =>
    `Unknown command “${name}”.${close === null ? '' : ` Did you mean “${close}”?`} See: restante help`,
  ready: 'Restante is ready.',
  stopHint: 'Ctrl-C stops it',
  stopping: 'Stopping: finishing what was begun…',
  mailIn: 'mail in',
  mailOut: 'mail out',
  inTls: 'inside TLS',
  data: 'Data',
  temporary: 'removed at the end',
  account: 'Account',
  password: 'password',
  shownOnce: 'shown only this once',
  tryIt: 'Try it',
  config: 'Settings',
  selfSigned:
    'The certificate is self-signed: clients will ask once. Your own goes under tls: in the settings.',
  portInUse: (address, where) => `${address} is in use by another program. Choose another port: ${where}`,
  portForbidden: (address, key) =>
    `${address} needs more rights than this process has. Choose a port above 1023 with ${key}, or grant it: setcap cap_net_bind_service=+ep $(command -v node)`,
  alreadyRunning: (pid, directory) => `Already running on ${directory} (process ${pid}).`,
}
