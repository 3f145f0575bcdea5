import { configKeys } from './config.ts'

/** The configuration reference as Markdown, made from the schema: every key, its default, its meaning. */
export function configReference(): string {
  const lines = [
    '# Configuration',
    '',
    'Generated from the schema; do not edit. `restante.yaml` is YAML 1.2; every key has a default, unknown keys are errors',
    'with the nearest known one, and `${NAME}` in a value is taken from the environment. Sizes: `35MB`, `64 KiB`. Times:',
    '`30d`, `10m`, `90s`. Relative paths count from the folder of the file. `restante config check` tells whether a file is',
    'right; `restante reload` takes changes over where no restart is needed, and says where one is.',
    '',
    '| key | default | meaning |',
    '|---|---|---|',
  ]
  for (const { key, default: value, about } of configKeys()) {
    if (value === '' && about === '') continue
    lines.push(
      `| \`${key}\` | ${value === '' ? '' : `\`${value.replace(/\|/g, '\\|')}\``} | ${about.replace(/\|/g, '\\|')} |`,
    )
  }
  return `${lines.join('\n')}\n`
}
