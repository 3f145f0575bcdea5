import { join } from 'node:path'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { failureOf } from './failure.ts'
import { loadFiles } from './file-layer.ts'
import type { FromWriter, PostedRequest, ToWriter, WriterData } from './requests.ts'
import { connect } from './schema.ts'
import { SegmentWriter } from './segment-writer.ts'
import { WriteBatches } from './write-batches.ts'

/** How long the writer waits for another process's transaction before it answers `busy`. */
const BUSY_MS = 10_000

const port = parentPort as MessagePort
const data = workerData as WriterData
const post = (message: FromWriter): void => port.postMessage(message)
const log = (event: string, fields: Readonly<Record<string, string | number | boolean>>): void =>
  post({ log: event, fields })

const files = await loadFiles(data.filesModule)
const segments = new SegmentWriter({
  directory: join(data.directory, 'segments'),
  files,
  name: `${data.instance}-${data.generation}`,
  maxOctets: data.segmentMaxOctets,
  maxAgeMs: data.segmentMaxAgeMs,
  now: Date.now,
})
const index = connect(data.directory, 'index', BUSY_MS)
// The pages deliveries scatter over: listings and counters of every maildrop.
index.exec('PRAGMA cache_size=-65536')
const batches = new WriteBatches({
  index,
  facts: connect(data.directory, 'facts', BUSY_MS),
  model: connect(data.directory, 'model', BUSY_MS),
  segments,
  files,
  log,
})

batches.sealEarlier(data.instance, data.generation)

const waiting: PostedRequest[] = []
let closing = false
let scheduled = false

function take(message: ToWriter): void {
  if ('close' in message) closing = true
  else waiting.push(...message.requests)
}

/** Does one batch, then looks for what came meanwhile: under load the next batch is whatever gathered during this one. */
function turn(): void {
  scheduled = false
  for (let more = receiveMessageOnPort(port); more; more = receiveMessageOnPort(port)) take(more.message)
  if (waiting.length > 0) {
    const batch = batches.cut(waiting)
    const { answers, again } = batches.run(batch)
    waiting.unshift(...again)
    files.note('reply')
    if (answers.length > 0) post({ answers })
  }
  if (waiting.length > 0) schedule()
  else if (closing) end()
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

function end(): void {
  try {
    batches.close()
  } catch (error) {
    log('store-close-failed', { reason: failureOf(error).detail })
  }
  post({ closed: true })
  port.close()
}

port.on('message', (message: ToWriter) => {
  take(message)
  schedule()
})
post({ ready: true })
