import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requirePeer } from '@restante/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Clamd, createClamd } from '../src/index.ts'

const clamd = requirePeer('clamd')

// The EICAR test file, in two pieces so that no scanner takes this source for it.
const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')

describe.skipIf(clamd.missing)(`a real clamd with one signature of our own${clamd.note}`, () => {
  let folder = ''
  let child: ChildProcess | undefined
  let scanner: Clamd

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restante-clamd-'))
    const md5 = createHash('md5').update(eicar).digest('hex')
    await writeFile(join(folder, 'own.hdb'), `${md5}:${eicar.length}:Restante.Test.Eicar\n`)
    const path = join(folder, 'socket')
    const config = join(folder, 'clamd.conf')
    await writeFile(
      config,
      `LocalSocket ${path}\nDatabaseDirectory ${folder}\nForeground yes\nStreamMaxLength 1M\nMaxThreads 2\n`,
    )
    child = spawn(clamd.path ?? '', [`--config-file=${config}`], { stdio: 'ignore' })
    scanner = createClamd({ address: { path }, sizeMaxOctets: 8 << 20 })
    while ((await scanner.version()) === null && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 50))
  })

  afterAll(async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill()
      await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })

  test('says who it is', async () => {
    expect(await scanner.version()).toMatch(/^ClamAV \d/)
  })

  test('finds it bare, and in an attachment; an ordinary message is clean', async () => {
    const infected = { result: 'infected', virus: 'Restante.Test.Eicar.UNOFFICIAL' }
    expect(await scanner.scan(Buffer.from(eicar))).toEqual(infected)
    const message = [
      'From: anna@acme.example',
      'Subject: invoice',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="b"',
      '',
      '--b',
      'Content-Type: application/octet-stream; name="invoice.com"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="invoice.com"',
      '',
      Buffer.from(eicar).toString('base64'),
      '--b--',
      '',
    ].join('\r\n')
    async function* octetByOctet(): AsyncGenerator<Uint8Array> {
      for (const octet of Buffer.from(message)) yield Uint8Array.of(octet)
    }
    expect(await scanner.scan(Buffer.from(message))).toEqual(infected)
    expect(await scanner.scan(octetByOctet())).toEqual(infected)
    expect(await scanner.scan(Buffer.from('Subject: hello\r\n\r\nBuy bread.\r\n'))).toEqual({
      result: 'clean',
    })
  })

  test('over its own size limit it says so, and we live', async () => {
    expect(await scanner.scan(new Uint8Array(4 << 20))).toMatchObject({ result: 'unavailable' })
    expect(await scanner.scan(Buffer.from('Subject: hello\r\n\r\n'))).toEqual({ result: 'clean' })
  })
})
