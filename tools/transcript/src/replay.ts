import type { Dialogue, Turn } from './dialogue.ts'

/** Whoever a dialogue is replayed against. */
export interface Peer {
  /** Takes octets from the client. */
  push(octets: Uint8Array): void | Promise<void>
  /** Everything said since the last call, once at least `lines` lines have been said or no more will come. */
  said(lines: number): Buffer | Promise<Buffer>
  /** Does what a `!` line asks for; throws where it cannot be, or is not so. */
  event(name: string, rest: string): void | Promise<void>
}

/**
 * How the client's octets are cut: `turns` waits for each answer, `whole` sends everything up to the next event
 * in one piece, `octets` one by one, and a function cuts where it likes (it returns the next piece's length).
 */
export type Cut = 'turns' | 'whole' | 'octets' | ((left: number) => number)

/** What was really said does not fit what is written. */
export class ReplayError extends Error {
  readonly code = 'REPLAY_MISMATCH'
}

/** Replays a dialogue; throws a {@link ReplayError} at the first difference. Returns all that the peer said. */
export async function replay(dialogue: Dialogue, peer: Peer, cut: Cut): Promise<string> {
  let heard = ''
  let at = 0
  const { turns } = dialogue
  while (at < turns.length) {
    const turn = turns[at] as Turn
    if (turn.kind === 'event') {
      try {
        await peer.event(turn.name, turn.rest)
      } catch (cause) {
        throw new ReplayError(`${dialogue.name}:${turn.line}: ${String(cause)}`, { cause })
      }
      at++
      continue
    }
    let end = at
    let answered = false
    while (end < turns.length) {
      const { kind } = turns[end] as Turn
      if (kind === 'event' || (cut === 'turns' && answered && kind === 'say')) break
      answered ||= kind !== 'say'
      end++
    }
    heard += await replayPart(dialogue, turns.slice(at, end), peer, cut)
    at = end
  }
  return heard
}

async function replayPart(dialogue: Dialogue, turns: readonly Turn[], peer: Peer, cut: Cut): Promise<string> {
  const octets = Buffer.concat(turns.map((turn) => (turn.kind === 'say' ? turn.octets : Buffer.alloc(0))))
  for (let at = 0; at < octets.length; ) {
    const left = octets.length - at
    const wanted = cut === 'octets' ? 1 : typeof cut === 'function' ? cut(left) : left
    const length = Math.max(1, Math.min(left, wanted))
    await peer.push(new Uint8Array(octets.subarray(at, at + length)))
    at += length
  }
  const expected = turns.filter((turn) => turn.kind === 'expect' || turn.kind === 'match')
  const text = (await peer.said(expected.length)).toString('utf8')
  const lines = text === '' ? [] : text.split('\r\n')
  const rest = lines.pop() ?? ''
  for (const [index, turn] of expected.entries()) {
    const line = lines[index]
    const fits =
      line !== undefined &&
      (turn.kind === 'expect' ? line === turn.text : (turn as { pattern: RegExp }).pattern.test(line))
    if (!fits) {
      const wanted = turn.kind === 'expect' ? turn.text : String((turn as { pattern: RegExp }).pattern)
      throw new ReplayError(
        `${dialogue.name}:${turn.line}: expected ${wanted}, got ${line === undefined ? 'nothing more' : JSON.stringify(line)}`,
      )
    }
  }
  const unfinished = turns.find((turn) => turn.kind === 'unfinished')?.text ?? ''
  if (lines.length > expected.length || rest !== unfinished) {
    const line = turns.at(-1)?.line ?? 0
    throw new ReplayError(
      `${dialogue.name}:${line}: more was said: ${JSON.stringify([...lines.slice(expected.length), rest].join('\r\n').slice(0, 300))}`,
    )
  }
  return text
}
