import { memoryStore } from '../src/index.ts'
import { deviceSuite, maildropSuite, searchSuite, trashSuite } from '../src/testkit/index.ts'

maildropSuite('memoryStore', ({ now }) => memoryStore({}, { now }), {
  histories: 300,
  makeSmallStore: ({ now }) => memoryStore({}, { now, capacityOctets: 1_500_000, floorOctets: 500_000 }),
})

deviceSuite('memoryStore', ({ now }) => memoryStore({}, { now }))
trashSuite('memoryStore', ({ now }) => memoryStore({}, { now }))
searchSuite('memoryStore', ({ now }) => memoryStore({}, { now }))
