import { ConfigError, createLog, errorFields, parseConfig, selfSignedCertificate } from '../src/index.ts'

const config = parseConfig('smtp_in: { max_size: 10MB }', 'restante.yaml')
console.log(config.smtpIn.maxSizeOctets, config.listen.pop3s)

try {
  parseConfig('hostnam: mx.acme.example', 'restante.yaml')
} catch (error) {
  if (error instanceof ConfigError) console.log(error.message)
}

const log = createLog({ level: 'info', file: '/dev/null', fields: { role: 'pop3d' } })
log.info('session-end', { session: 'K2M9', messages: 3 })
log.warn('read-failed', errorFields(new Error('no disk')))

const { cert } = selfSignedCertificate(['mail.acme.example', '127.0.0.1'], Date.now())
console.log(cert.split('\n')[0])
