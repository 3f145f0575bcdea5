import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { PeerTimeoutError, requirePeer, runPeer } from '../src/index.ts'

const python = requirePeer('python3')

describe.skipIf(python.missing)(`runPeer${python.note}`, () => {
  test('gives input, takes both outputs and the exit code', async () => {
    const script = `
import sys
sys.stdout.buffer.write(sys.stdin.buffer.read() + b"\\xff")
sys.stderr.write("as he pleases")
sys.exit(3)`
    const done = await runPeer('python3', ['-c', script], { input: new Uint8Array([0, 13, 10]) })
    expect(done).toMatchObject({ exitCode: 3, signal: null, errorText: 'as he pleases' })
    expect([...done.stdout]).toEqual([0, 13, 10, 255])
    expect(done.text).toBe('\0\r\n\ufffd')
  })

  test('passes on a small environment and what the test adds', async () => {
    const script = 'import os, json; print(json.dumps(dict(os.environ)))'
    const done = await runPeer('python3', ['-c', script], { env: { HOME: '/nowhere' } })
    const seen = JSON.parse(done.text) as Record<string, string>
    expect(seen).toMatchObject({ HOME: '/nowhere', LC_ALL: 'C.UTF-8' })
    expect(seen).not.toHaveProperty('VITEST')
  })

  test('is not troubled by a peer that reads none of its input', async () => {
    const done = await runPeer('python3', ['-c', 'pass'], { input: new Uint8Array(4_000_000) })
    expect(done.exitCode).toBe(0)
  })

  test('kills a peer that outstays, and its children, and says what it had said', async () => {
    const script = `
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)`
    const failed = await runPeer('python3', ['-c', script], { timeoutMs: 3000 }).catch(
      (error: unknown) => error,
    )
    expect(failed).toBeInstanceOf(PeerTimeoutError)
    const pid = /child (\d+)/.exec((failed as Error).message)?.[1]
    expect(pid).toBeDefined()
    const left = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim()
    expect(left === '' || left.startsWith('Z')).toBe(true)
  })
})
