import { maildropSuite } from '@restante/maildrop/testkit'
import { makeStore } from './suite-store.ts'

maildropSuite('local store', makeStore, { durable: true })
