/**
 * The same text with `***` for the password of every URL in it. Store URLs carry passwords, and what is printed, logged or
 * put into an error is read by others. It rather hides too much than too little: in doubt, up to the last `@` of a word.
 */
export function withoutPassword(text: string): string {
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*):(\/*)([^\s:@/?#]*):(\S*)@/gi, (all, scheme, slashes, user, secret) =>
      // What looks like a password may be a port, and the @ a part of a path.
      /^https?$/i.test(scheme) && /^\d+\//.test(secret) ? all : `${scheme}:${slashes}${user}:***@`,
    )
    .replaceAll(/([?&](?:ssl)?password=)[^&\s"]*/gi, '$1***')
}
