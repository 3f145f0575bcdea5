export * from './dialogue.ts'
export * from './replay.ts'
