import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import { type Instance, makeFolder, removeFolder, runCommand, startInstance } from '../src/instance.ts'
import { type Outgoing, type SendResult, sendAll } from '../src/sending.ts'

const folder = makeFolder()
const small = join(folder, 'small')
mkdirSync(small)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', small])
const canMount = mounted.status === 0
if (!canMount && process.env['RESTANTE_PEERS'] === 'required')
  throw new Error(`no small disk: ${mounted.stderr}`)

test.runIf(canMount)(
  `a full disk answers 452, loses nothing acknowledged, and deleting still works${canMount ? '' : ' (left out: no right to mount a tmpfs)'}`,
  async () => {
    const data = join(small, 'data')
    const config = join(folder, 'restante.yaml')
    writeFileSync(config, 'store: { floor: 12MB }\nspam: { filter: off }\n')
    const options = ['--config', config, '--limits', 'off', '--account', 'anna@acme.example:a']
    let instance: Instance | null = null
    try {
      instance = await startInstance(data, options)
      const text = `From: a@far.example\r\nSubject: large\r\n\r\n${'0123456789abcdef'.repeat(62).concat('\r\n').repeat(300)}`
      const message: Outgoing = {
        from: 'a@far.example',
        to: ['anna@acme.example'],
        octets: Buffer.from(text),
      }
      const results = await sendAll(instance.ready.smtp, new Array<Outgoing>(200).fill(message), 4)
      const taken = results.filter((result) => 'reply' in result).length
      const refused = results.filter(
        (result): result is Extract<SendResult, { code: number }> => 'code' in result,
      )
      expect(taken).toBeGreaterThan(20)
      expect(
        results.map((r, i) => [i, r]).filter(([, r]) => r === undefined || 'broken' in (r as object)),
      ).toEqual([])
      expect(taken + refused.length).toBe(200)
      for (const { code, refused: reply } of refused) {
        expect([451, 452]).toContain(code)
        expect(reply).toMatch(/^45[12] 4\.3\.[01] /)
      }
      // Nothing acknowledged is lost, also when the power goes now.
      await instance.kill()
      const dumped = await runCommand(['mail', 'dump', '--account', 'anna@acme.example', '--data', data])
      expect(dumped.out.toString('latin1').match(/^MSG \d+\n/gm)?.length).toBe(taken)
      // Still full: deletions and QUIT fit below the floor.
      instance = await startInstance(data, options)
      expect(await deleteFirst(instance.ready.pop3s, 5)).toMatch(/^\+OK/)
      expect(await instance.stop()).toBe(0)
      const left = await runCommand(['mail', 'dump', '--account', 'anna@acme.example', '--data', data])
      expect(left.out.toString('latin1').match(/^MSG \d+\n/gm)?.length).toBe(taken - 5)
    } finally {
      await instance?.kill().catch(() => {})
      // The killed processes may take a moment to let go of it.
      spawnSync('umount', ['-l', small])
      removeFolder(folder)
    }
  },
  180_000,
)

/** Deletes the first messages and answers what QUIT was answered. */
async function deleteFirst(port: number, count: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  let said = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    said += chunk
  })
  const deletions = Array.from({ length: count }, (_, i) => `DELE ${i + 1}\r\n`).join('')
  socket.write(`USER anna@acme.example\r\nPASS a\r\n${deletions}QUIT\r\n`)
  await new Promise((resolve) => socket.once('close', resolve))
  return said.trimEnd().split('\r\n').at(-1) ?? ''
}
