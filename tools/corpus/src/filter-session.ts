import { readFile } from 'node:fs/promises'
import type { Contestant, Label } from './ours.ts'

/** Octets of one message file that are read; the receiver takes no larger mail by default. */
const MAX_OCTETS = 104_857_600

async function readMessageFile(path: string): Promise<Uint8Array> {
  const octets = await readFile(path)
  return octets.length > MAX_OCTETS ? octets.subarray(0, MAX_OCTETS) : octets
}

async function listOf(path: string): Promise<readonly string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
}

function labelOf(word: string | undefined): Label {
  if (word === 'spam' || word === 'ham') return word
  throw new Error(`a class is spam or ham, not ${word ?? 'nothing'}`)
}

function replyTo(score: { readonly called: string; readonly score: number }): string {
  return `${score.called} ${score.score.toFixed(6)}`
}

/** One conversation of the filter command. */
export interface FilterSession {
  /** Replies to one line, without line end; `SCORELIST` gives several. Null ends the session. */
  reply(line: string): AsyncIterable<string>
  readonly ended: boolean
}

/**
 * Speaks the filter protocol: `RESET`, `TRAIN spam|ham PATH`, `SCORE PATH`, `TRAINLIST FILE` (lines of class, tab,
 * path), `SCORELIST FILE` (a path a line), `STAT`, `QUIT`. What fails answers `ERR` and a reason; the session goes on.
 */
export function filterSession(contestant: Contestant): FilterSession {
  let ended = false
  async function* answer(line: string): AsyncGenerator<string> {
    const space = line.indexOf(' ')
    const verb = (space < 0 ? line : line.slice(0, space)).toUpperCase()
    const rest = space < 0 ? '' : line.slice(space + 1)
    switch (verb) {
      case 'RESET':
        await contestant.reset()
        yield 'OK'
        return
      case 'TRAIN': {
        const gap = rest.indexOf(' ')
        const label = labelOf(rest.slice(0, Math.max(0, gap)))
        await contestant.train(await readMessageFile(rest.slice(gap + 1)), label)
        yield 'OK'
        return
      }
      case 'SCORE':
        yield replyTo(await contestant.score(await readMessageFile(rest)))
        return
      case 'TRAINLIST':
        for (const entry of await listOf(rest)) {
          const tab = entry.indexOf('\t')
          await contestant.train(
            await readMessageFile(entry.slice(tab + 1)),
            labelOf(entry.slice(0, Math.max(0, tab))),
          )
        }
        yield 'OK'
        return
      case 'SCORELIST':
        for (const path of await listOf(rest)) {
          try {
            yield replyTo(await contestant.score(await readMessageFile(path)))
          } catch (error) {
            // One line a path, whatever happens: the caller counts lines.
            yield `unsure 0 ${oneLine(error)}`
          }
        }
        yield 'END'
        return
      case 'STAT':
        yield `bytes=${await contestant.modelOctets()}`
        return
      case 'QUIT':
        ended = true
        yield 'OK'
        return
      default:
        throw new Error(`unknown command ${verb.slice(0, 40)}`)
    }
  }
  return {
    get ended() {
      return ended
    },
    async *reply(line) {
      try {
        yield* answer(line)
      } catch (error) {
        yield `ERR ${oneLine(error)}`
      }
    },
  }
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200)
}
