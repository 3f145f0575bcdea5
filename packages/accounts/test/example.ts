import { memoryStore } from '@restante/maildrop'
import { accountCredentials, createAuthenticator, resolveRecipient } from '../src/index.ts'

const { directory } = memoryStore()
const anna = await directory.addAccount('anna@acme.example')
if (anna) await directory.setCredentials(anna.id, '', await accountCredentials('correct horse'))

const doors = createAuthenticator({ directory, now: () => Date.now(), defaultDomain: 'acme.example' })
const source = { mechanism: 'PLAIN', service: 'pop3', remote: '192.0.2.1' } as const
const good = await doors.login({ ...source, name: 'anna', secret: 'correct horse' })
if ('ok' in good) console.log(`${good.ok.account.address} sees ${good.ok.key.folder} as ${good.ok.key.view}`)

const found = await resolveRecipient(
  directory,
  { localPart: 'Anna+lists', domain: 'acme.example' },
  { plusFolders: true },
)
if ('deliver' in found)
  for (const { account, folder } of found.deliver) console.log(`${folder} -> ${account.address}`)

const bad = await doors.login({ ...source, name: 'anna', secret: 'wrong' })
if ('failed' in bad) console.log(bad.failed)
