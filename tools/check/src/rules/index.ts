import type { Rule } from '../finding.ts'
import { docstrings } from './docstrings.ts'
import { imports } from './imports.ts'
import { leftovers } from './leftovers.ts'
import { links } from './links.ts'
import { lockfile } from './lockfile.ts'
import { manifests } from './manifests.ts'
import { names } from './names.ts'
import { purity } from './purity.ts'
import { traces } from './traces.ts'

/** Every rule, in the order they are reported. */
export const RULES: readonly Rule[] = [
  imports,
  purity,
  lockfile,
  manifests,
  names,
  traces,
  leftovers,
  docstrings,
  links,
]
