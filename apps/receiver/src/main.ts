import { runRole } from '@restante/runtime'
import { startReceiver } from './receiver.ts'

runRole(startReceiver)
