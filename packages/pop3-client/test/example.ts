import { connectPop3, fetchNew, jsonFileState, Pop3Error } from '../src/index.ts'

const server = {
  host: process.env['POP3_HOST'] ?? 'pop.example.org',
  port: Number(process.env['POP3_PORT'] ?? 995),
  login: { name: 'anna', password: process.env['POP3_PASSWORD'] ?? '' },
  ca: process.env['POP3_CA'],
}

// By hand: look at the first message, delete nothing.
{
  await using client = await connectPop3(server)
  const { count } = await client.stat()
  const header = Buffer.from(await client.topWhole(1, 0)).toString()
  console.log(count, header.split('\r\n')[0])
}

// Or let it be done: each message once, whatever breaks; deleted from the server two weeks later.
await using state = jsonFileState(process.env['POP3_STATE'] ?? 'anna.jsonl')
try {
  const { fetched, left } = await fetchNew({
    server,
    state,
    keep: { days: 14 },
    async onMessage({ id, octets }) {
      let size = 0
      for await (const piece of octets) size += piece.length
      console.log(id.length, size)
    },
  })
  console.log(`${fetched} fetched, ${left} on the server`)
} catch (error) {
  if (!(error instanceof Pop3Error && error.passes)) throw error
  console.log('try again later:', error.code)
}
