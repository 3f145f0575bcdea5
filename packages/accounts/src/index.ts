export * from './authenticator.ts'
export * from './bearer-login.ts'
export * from './credential-set.ts'
export { generateDevicePassword, isGeneratedDevicePassword } from './device-password.ts'
export { BusyError, createHashGate, type HashGate, type HashTurn } from './hash-gate.ts'
export * from './login-name.ts'
export {
  type HashOptions,
  hashPassword,
  SECRET_MAX_OCTETS,
  type Secret,
  SecretError,
  verifyPassword,
} from './password.ts'
export * from './recipient.ts'
export {
  fakeScramVerifier,
  makeScramVerifier,
  parseScramVerifier,
  SCRAM_ACCOUNT_ITERATIONS,
  SCRAM_DEVICE_ITERATIONS,
  type ScramVerifier,
  verifyByScram,
} from './scram.ts'
export { THROTTLE_DEFAULTS, type Throttled, type ThrottleLimits, type Tier } from './throttle.ts'
export { type ThrottleControls, throttleControls } from './throttle-controls.ts'
export {
  IssuerError,
  type TokenClaims,
  type TokenOutcome,
  type TokenRefusal,
  type TokenRules,
  type TokenVerifier,
} from './token.ts'
export { createIntrospection, type IntrospectionOptions } from './token-introspection.ts'
export { createSignatureCheck, type SignatureOptions } from './token-signature.ts'
