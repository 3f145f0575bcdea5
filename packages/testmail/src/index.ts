export type { TestCertificate } from './certificate.ts'
export type {
  FaultHandle,
  FaultOptions,
  LoginFailure,
  Pop3Fault,
  RoadFault,
  SmtpFault,
  SmtpStage,
} from './faults.ts'
export { type MessagePattern, mismatchOf, type TextPattern } from './matching.ts'
export { TestMailError, type WaitOptions } from './message-log.ts'
export type { Attachment, Field } from './message-parts.ts'
export { DEFAULT_TEST_MAIL_LIMITS, type TestMailLimits, type TestMailOptions } from './options.ts'
export {
  asMessage,
  type MessageLike,
  type ReceivedEnvelope,
  ReceivedMessage,
  TestMessage,
} from './received-message.ts'
export { createTestMail, type Handover, type SmtpSettings, type TestMail } from './test-mail.ts'
export { TestMaildrop } from './test-maildrop.ts'
export { type ShownVerdict, verdictOf } from './verdict-fields.ts'
