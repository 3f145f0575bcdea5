import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Connection } from './connection.ts'
import { guarded, storeError } from './failure.ts'
import type { FileLayer } from './file-layer.ts'
import type { Relocation } from './requests.ts'
import type { SegmentFiles } from './segment-files.ts'
import {
  decodeRecordHeader,
  encodeHead,
  encodeRecordHeader,
  encodeTrailer,
  HEAD_OCTETS,
  RECORD_HEADER_OCTETS,
} from './segment-format.ts'
import { fileOctets, removeEmptied } from './sweep.ts'
import { trailerOf } from './write-delivery.ts'
import type { StoreLog, Writer } from './writer.ts'

/** What compaction did. */
export interface CompactReport {
  /** Segments rewritten or removed. */
  readonly segments: number
  /** Bodies copied into new segments. */
  readonly bodies: number
  /** Octets given back to the disk. */
  readonly freedOctets: number
  /** Bodies that could not be copied because their octets are damaged; they and their segments stay. */
  readonly corrupt: number
}

/** What compaction needs of the store. */
export interface CompactTools {
  /** The segments' folder. */
  readonly directory: string
  readonly instance: string
  readonly index: Connection
  readonly writer: Writer
  readonly files: FileLayer
  readonly segmentFiles: SegmentFiles
  readonly segmentMaxOctets: number
  readonly log: StoreLog
}

interface SegmentRow {
  readonly n: number
  readonly name: string
  readonly octets: number
  readonly live: number
}

interface BodyRow {
  readonly n: number
  readonly position: number
  readonly size: number
  readonly crc: number
}

interface CopyRow {
  readonly account: string | null
  readonly address: string | null
  readonly folder: string
  readonly uid: string | null
  readonly arrived_at_ms: number
  readonly prefix: Uint8Array
  readonly splice_offset: number | null
  readonly splice_length: number | null
  readonly splice_octets: Uint8Array | null
}

const COPY_OCTETS = 1024 * 1024
/** Bodies relocated in one index transaction. */
const SLICE = 200
/** Segments below this part of the full size are merged once there are so many. */
const SMALL_PART = 16
const SMALL_COUNT = 16

let outputs = 0

/** A segment compaction writes. */
class Output {
  readonly name: string
  readonly path: string
  readonly fd: number
  readonly #files: FileLayer
  octets: number = HEAD_OCTETS
  row = 0
  /** Bodies copied but not yet relocated. */
  moved: Relocation[] = []

  constructor(tools: CompactTools) {
    this.#files = tools.files
    this.name = `${tools.instance}-c${++outputs}.seg`
    this.path = join(tools.directory, this.name)
    this.fd = tools.files.createSync(this.path)
  }

  async write(octets: Uint8Array): Promise<void> {
    await this.#files.write(this.fd, octets, this.octets)
    this.octets += octets.length
  }
}

/**
 * Rewrites the live bodies of sealed segments that are mostly dead into new ones and removes the old files, while
 * mail comes and goes. Octets are durable in their new place before the index points there, and the old file goes
 * after the index has left it: a crash at any point loses nothing.
 * @param deadShare the share of a segment that must be dead for it to be rewritten, 0 to 1
 * @throws {StoreError}
 */
export async function compactSegments(tools: CompactTools, deadShare: number): Promise<CompactReport> {
  const { index, writer, directory, files } = tools
  const report = { segments: 0, bodies: 0, corrupt: 0 }
  let freed = 0
  let output: Output | null = null
  /** Segments whose live bodies are in the output, so that they can go once it is finished. */
  let left: { readonly n: number; readonly octets: number }[] = []

  const endOutput = async (): Promise<void> => {
    if (output) {
      freed -= output.octets
      const ended = output
      output = null
      await finish(tools, ended)
    }
    for (const { n, octets } of left) {
      if (await writer.run('emptySegment', n)) {
        report.segments++
        freed += octets
      }
    }
    left = []
  }

  try {
    for (const segment of worthCompacting(tools, deadShare)) {
      let stays = false
      const rows = guarded(() =>
        index.all<BodyRow>(
          'SELECT n, position, size, crc FROM bodies WHERE segment = ? ORDER BY position',
          segment.n,
        ),
      )
      for (const body of rows) {
        output ??= await start(tools)
        if (await copyRecord(tools, segment, body, output)) report.bodies++
        else {
          report.corrupt++
          stays = true
        }
      }
      if (!stays) left.push(segment)
      if (output && output.octets >= tools.segmentMaxOctets) await endOutput()
    }
    await endOutput()
  } catch (error) {
    throw storeError(error)
  } finally {
    if (output) await files.close((output as Output).fd).catch(() => {})
  }
  await removeEmptied(directory, index, writer)
  tools.segmentFiles.closeIdle(0)
  return { ...report, freedOctets: Math.max(0, freed) }
}

/** Sealed segments that are mostly dead, and small ones where there are many. */
function worthCompacting(tools: CompactTools, deadShare: number): readonly SegmentRow[] {
  const sealed = guarded(() =>
    tools.index.all<SegmentRow>(
      `SELECT s.n, s.name, s.octets, coalesce((SELECT sum(b.size) FROM bodies b WHERE b.segment = s.n), 0) AS live
       FROM segments s WHERE s.state = 1 ORDER BY s.n`,
    ),
  ).map((segment) => ({ ...segment, octets: fileOctets(join(tools.directory, segment.name)) }))
  const isDead = ({ octets, live }: SegmentRow): boolean =>
    live === 0 || (octets - live) / octets >= deadShare
  const small = sealed.filter(({ octets }) => octets < tools.segmentMaxOctets / SMALL_PART)
  const merge = small.length >= SMALL_COUNT
  return sealed.filter((segment) => isDead(segment) || (merge && small.includes(segment)))
}

async function start(tools: CompactTools): Promise<Output> {
  const output = new Output(tools)
  try {
    await tools.files.write(output.fd, encodeHead(Date.now()), 0)
    await tools.files.flushDirectory(tools.directory)
    output.row = await tools.writer.run('addSegment', { name: output.name, octets: 0, atMs: Date.now() })
    return output
  } catch (error) {
    // Nothing is in it; where its row was made all the same, the next compaction drops it.
    await tools.files.close(output.fd)
    tools.files.unlinkSync(output.path)
    throw error
  }
}

/** Makes an output durable, points the index at it and seals it. */
async function finish(tools: CompactTools, output: Output): Promise<void> {
  await tools.files.flush(output.fd)
  await tools.files.close(output.fd)
  for (let at = 0; at < output.moved.length; at += SLICE) {
    await tools.writer.run('relocate', { to: output.row, bodies: output.moved.slice(at, at + SLICE) })
  }
  await tools.writer.run('sealSegments', [{ name: output.name, octets: output.octets }])
}

/** A record that cannot be copied because its own octets are damaged. */
class Damage extends Error {}

/**
 * Copies one record with the trailer its copies have now; false where its octets are damaged.
 * @throws where the output cannot be written: it is given up, and with it this compaction
 */
async function copyRecord(
  tools: CompactTools,
  segment: SegmentRow,
  body: BodyRow,
  output: Output,
): Promise<boolean> {
  const { index, segmentFiles, log } = tools
  const startAt = output.octets
  const read = (position: number, length: number): Uint8Array => {
    const octets = new Uint8Array(length)
    try {
      segmentFiles.readSync(segment.name, position, octets)
    } catch (error) {
      throw new Damage(storeError(error).message)
    }
    return octets
  }
  try {
    const header = decodeRecordHeader(read(body.position - RECORD_HEADER_OCTETS, RECORD_HEADER_OCTETS))
    if (!header || header.sizeOctets !== body.size) throw new Damage('its header is damaged')
    const trailer = encodeTrailer(trailerOf(copiesOf(index, body.n)))
    // The header's own place is left out until the body's checksum is known to be right.
    output.octets += RECORD_HEADER_OCTETS
    let bodyCrc = 0
    for (let at = 0; at < body.size; at += COPY_OCTETS) {
      const chunk = read(body.position + at, Math.min(COPY_OCTETS, body.size - at))
      bodyCrc = crc32(chunk, bodyCrc)
      await output.write(chunk)
    }
    if (bodyCrc !== body.crc) throw new Damage('its checksum does not match')
    await output.write(trailer)
    await tools.files.write(
      output.fd,
      encodeRecordHeader({ ...header, trailerOctets: trailer.length, bodyCrc }, trailer),
      startAt,
    )
    output.moved.push({ body: body.n, from: segment.n, position: startAt + RECORD_HEADER_OCTETS })
    return true
  } catch (error) {
    if (!(error instanceof Damage)) throw error
    // What was copied of it is written over by the next record, or lies behind the last one.
    output.octets = startAt
    log('store-body-corrupt', {
      segment: segment.name,
      position: body.position,
      message: describe(index, body.n),
      reason: error.message,
    })
    return false
  }
}

function copiesOf(index: Connection, body: number): Parameters<typeof trailerOf>[0] {
  const rows = guarded(() =>
    index.all<CopyRow>(
      `SELECT a.id AS account, a.address, m.folder, c.uid, c.arrived_at_ms, c.prefix, c.splice_offset, c.splice_length,
         c.splice_octets
       FROM copies c JOIN maildrops m ON m.n = c.maildrop LEFT JOIN accounts a ON a.n = m.account
       WHERE c.body = ? AND c.state = 0`,
      body,
    ),
  )
  return rows
    .filter((row) => row.account !== null && row.uid !== null)
    .map((row) => ({
      account: row.account ?? '',
      address: row.address ?? '',
      folder: row.folder,
      id: row.uid ?? '',
      arrivedAtMs: row.arrived_at_ms,
      prefix: row.prefix,
      splice:
        row.splice_octets === null
          ? null
          : {
              offset: row.splice_offset ?? 0,
              length: row.splice_length ?? 0,
              replacement: row.splice_octets,
            },
    }))
}

/** The copies of a body, for people: `ID of ADDRESS`, the first three. */
export function describe(index: Connection, body: number): string {
  const rows = index.all<{ uid: string | null; address: string | null }>(
    `SELECT c.uid, a.address FROM copies c JOIN maildrops m ON m.n = c.maildrop
     LEFT JOIN accounts a ON a.n = m.account WHERE c.body = ? LIMIT 3`,
    body,
  )
  return rows.map(({ uid, address }) => `${uid ?? '(removed)'} of ${address ?? '(erased)'}`).join(', ')
}
