import { runRole } from '@restante/runtime'
import { startLearner } from './learner.ts'

runRole(startLearner)
