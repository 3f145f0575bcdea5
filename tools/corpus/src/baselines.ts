import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { factsOf } from '@restante/message'
import type { Contestant } from './ours.ts'

const require = createRequire(import.meta.url)

/** Runs a program with `input` on its stdin; resolves to its stdout, or null where it cannot be started. */
function runProgram(program: string, options: readonly string[], input: Uint8Array): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, options, { stdio: ['pipe', 'pipe', 'ignore'] })
    let out = ''
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
      out += chunk
    })
    child.on('error', () => resolve(null))
    child.on('close', () => resolve(out))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** bogofilter as Debian ships it, one process a message; null where it is not installed. */
async function bogofilter(): Promise<Contestant | null> {
  if ((await runProgram('bogofilter', ['-V'], new Uint8Array())) === null) return null
  let folder = await mkdtemp(join(tmpdir(), 'restante-bogofilter-'))
  return {
    name: 'bogofilter',
    async reset() {
      await rm(folder, { recursive: true })
      folder = await mkdtemp(join(tmpdir(), 'restante-bogofilter-'))
    },
    async train(octets, label) {
      await runProgram('bogofilter', ['-d', folder, label === 'spam' ? '-s' : '-n'], octets)
    },
    async score(octets) {
      // -T: class letter and score.
      const [letter, value] = ((await runProgram('bogofilter', ['-d', folder, '-T'], octets)) ?? 'U 0.5')
        .trim()
        .split(/\s+/)
      return {
        called: letter === 'S' ? 'spam' : letter === 'H' ? 'ham' : 'unsure',
        score: Number(value ?? 0.5),
      }
    },
    async modelOctets() {
      let sum = 0
      for (const name of await readdir(folder)) sum += (await stat(join(folder, name))).size
      return sum
    },
    async close() {
      await rm(folder, { recursive: true })
    },
  }
}

interface NaturalClassifier {
  addDocument(text: string, label: string): void
  train(): void
  getClassifications(text: string): readonly { readonly label: string; readonly value: number }[]
}

/** natural's BayesClassifier over subject and visible text; null where natural is not installed. */
async function natural(): Promise<Contestant | null> {
  let Classifier: new () => NaturalClassifier
  try {
    Classifier = require('natural/lib/natural/classifiers/bayes_classifier.js') as typeof Classifier
  } catch {
    return null
  }
  let classifier = new Classifier()
  let untrained = false
  const textOf = (octets: Uint8Array): string => {
    const { subject, text } = factsOf(octets)
    return `${subject}\n${text.slice(0, 20_000)}`
  }
  return {
    name: 'natural',
    async reset() {
      classifier = new Classifier()
    },
    async train(octets, label) {
      classifier.addDocument(textOf(octets), label)
      untrained = true
    },
    async score(octets) {
      if (untrained) classifier.train()
      untrained = false
      const values = new Map(
        classifier.getClassifications(textOf(octets)).map(({ label, value }) => [label, value]),
      )
      const score = Math.log((values.get('spam') ?? 0) + 1e-300) - Math.log((values.get('ham') ?? 0) + 1e-300)
      return { called: score > 0 ? 'spam' : 'ham', score }
    },
    async modelOctets() {
      return JSON.stringify(classifier).length
    },
    async close() {},
  }
}

/** Other filters on the same protocols, by name. */
export const baselines: Readonly<Record<string, () => Promise<Contestant | null>>> = { bogofilter, natural }
