import { describe, expect, it } from 'vitest'
import { aclIn, builtInAcls, defaultAclsIn, isAllowed, type Member, streamRights } from './acl.ts'

const admin: Member = { login: 'root', groups: ['$admins'] }
const ada: Member = { login: 'ada', groups: ['readers'] }

describe('an access control list', () => {
  it('lets everybody who has logged in into streams without one, and admins alone into those of the system', () => {
    for (const right of streamRights) {
      expect(isAllowed(ada, right, 'Order-1', undefined, builtInAcls)).toBe(true)
      expect(isAllowed(ada, right, '$settings', undefined, builtInAcls)).toBe(false)
      expect(isAllowed(admin, right, '$settings', undefined, builtInAcls)).toBe(true)
    }
  })

  it.each([
    [{ $r: 'ada' }, true],
    [{ $r: ['bob', 'ada'] }, true],
    [{ $r: ['readers'] }, true],
    [{ $r: '$all' }, true],
    [{ $r: 'Ada' }, false],
    [{ $r: ['bob'] }, false],
    [{ $r: [] }, false],
    [{ $r: null }, true],
    [{ $w: ['bob'] }, true],
    // What cannot be understood was written to keep somebody out.
    [{ $r: 7 }, false],
    [{ $r: [7] }, false],
    ['ada', false],
    [[], false],
    [7, false],
  ])('%j lets a reader read: %j', ($acl, expected) => {
    expect(isAllowed(ada, 'read', 'Order-1', aclIn({ $acl }), builtInAcls)).toBe(expected)
    expect(isAllowed(admin, 'read', 'Order-1', aclIn({ $acl }), builtInAcls)).toBe(true)
  })

  it.each([[{}], [{ $acl: null }], [undefined], [null], ['text'], [[1]]])('is not in %j', (metadata) => {
    expect(aclIn(metadata)).toBeUndefined()
  })

  it('has defaults that the settings of the store change, right by right', () => {
    const defaults = defaultAclsIn({ $userStreamAcl: { $w: ['writers'] }, $systemStreamAcl: { $r: '$all' } })
    expect(isAllowed(ada, 'read', 'Order-1', undefined, defaults)).toBe(true)
    expect(isAllowed(ada, 'write', 'Order-1', undefined, defaults)).toBe(false)
    expect(isAllowed(ada, 'read', '$ce-Order', undefined, defaults)).toBe(true)
    expect(isAllowed(ada, 'write', '$ce-Order', undefined, defaults)).toBe(false)
    // A list of its own is asked first, and leaves to the defaults what it does not say.
    expect(isAllowed(ada, 'write', 'Order-1', aclIn({ $acl: { $w: 'ada' } }), defaults)).toBe(true)
    expect(isAllowed(ada, 'write', 'Order-1', aclIn({ $acl: { $r: 'ada' } }), defaults)).toBe(false)
  })

  it.each([[undefined], [null], [[]], ['x'], [{ $userStreamAcl: null }]])(
    'has the built-in defaults for %j',
    (settings) => {
      expect(defaultAclsIn(settings)).toEqual(builtInAcls)
    },
  )
})
