import { memoryStore } from '../src/index.ts'
import { maildropSuite } from '../src/testkit/index.ts'

maildropSuite('memoryStore', ({ now }) => memoryStore({}, { now }))
