/** A value of the library with its fields as they are named on wires and in JSON lines; what is undefined is null. */
export function withWireNames(value: unknown): unknown {
  if (value === undefined) return null
  if (Array.isArray(value)) return value.map(withWireNames)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [snakeCase(name), withWireNames(field)]))
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
