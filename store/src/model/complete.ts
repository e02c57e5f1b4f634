/** Options with every default in place: none of them is undefined any more. */
export type Complete<Options> = { readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

/** The fields that were given: one that is undefined is as good as one that is not there, and takes the place of nothing. */
export function onlyGiven<Fields extends object>(fields: Fields): Partial<Complete<Fields>> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Partial<Complete<Fields>>
}
