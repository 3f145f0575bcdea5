export { type MaildirStoreOptions, openMaildirStore } from './store.ts'
