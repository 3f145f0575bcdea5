import { runRole } from '@restante/runtime'
import { startPop3d } from './pop3d.ts'

runRole(startPop3d)
