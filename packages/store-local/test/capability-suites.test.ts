import { deviceSuite, searchSuite, trashSuite } from '@restante/maildrop/testkit'
import { makeStore } from './suite-store.ts'

deviceSuite('local store', makeStore, { durable: true })
trashSuite('local store', makeStore)
searchSuite('local store', makeStore)
