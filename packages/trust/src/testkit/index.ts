export * from './zone-resolver.ts'
