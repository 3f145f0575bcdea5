/** Something that is not as it should be: where, what, and how to put it right. */
export interface Finding {
  /** Path from the repository's root, with slashes. */
  readonly file: string
  /** 1-based, where a line can be named. */
  readonly line?: number
  readonly what: string
  readonly fix: string
}

/** One tracked file: path from the root with slashes, and its text (null where it is not text). */
export interface TextFile {
  readonly path: string
  readonly text: string | null
}

/** One member of the workspace: its folder and parsed manifests. */
export interface Part {
  /** `packages/mail` */
  readonly folder: string
  /** The parsed package.json; null where it does not parse. */
  readonly manifest: Manifest | null
  /** The parsed tsconfig.json; null where it is missing or does not parse. */
  readonly tsconfig: Tsconfig | null
}

/** What is read of a package.json. */
export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly description?: string
  readonly license?: string
  readonly type?: string
  readonly private?: boolean
  readonly engines?: Readonly<Record<string, string>>
  readonly files?: readonly string[]
  readonly exports?: Readonly<Record<string, unknown>>
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, unknown>> }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** What is read of a tsconfig.json. */
export interface Tsconfig {
  readonly extends?: string
  readonly compilerOptions?: { readonly types?: readonly string[] }
  readonly references?: readonly { readonly path: string }[]
}

/** A package as it lies in node_modules. */
export interface Installed {
  readonly name: string
  readonly version: string
  readonly optionalDependencies: Readonly<Record<string, string>>
}

/** All that the rules look at, read once. */
export interface Workspace {
  readonly files: readonly TextFile[]
  readonly parts: readonly Part[]
  /** The root's tsconfig.json. */
  readonly tsconfig: Tsconfig | null
  readonly lockfile: string
  /** Null where nothing is installed. */
  readonly installed: readonly Installed[] | null
  /** Where the checkout lies on this machine; no file may say so. */
  readonly checkout: string
}

/** One thing the build insists on. */
export interface Rule {
  readonly name: string
  /** One line for `--list`. */
  readonly purpose: string
  check(workspace: Workspace): readonly Finding[]
}
