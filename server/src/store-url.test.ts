import { describe, expect, it } from 'vitest'
import { withoutPassword } from './store-url.ts'

describe('a text without passwords', () => {
  it.each([
    ['postgres://ada:s3cret@db:5432/shop?schema=a', 'postgres://ada:***@db:5432/shop?schema=a'],
    ['postgres://ada:s@3:c/r?et@db/shop', 'postgres://ada:***@db/shop'],
    ['postgresql://:s3cret@/shop', 'postgresql://:***@/shop'],
    ['postgres:ada:s3cret@db', 'postgres:ada:***@db'],
    ['refused "postgres://ada:s3cret@db" and x@y', 'refused "postgres://ada:***@db" and x@y'],
    ['postgres:///shop?host=/run&password=s3cret&user=ada', 'postgres:///shop?host=/run&password=***&user=ada'],
    ['http://ada:s3cret@127.0.0.1:2113', 'http://ada:***@127.0.0.1:2113'],
  ])('hides the one in %j', (text, shown) => {
    expect(withoutPassword(text)).toBe(shown)
  })

  it.each(['postgres://ada@db/shop', 'sqlite:/srv/shop@home.db', 'http://127.0.0.1:2113/streams/a@b', ''])(
    'is %j when there is none',
    (text) => {
      expect(withoutPassword(text)).toBe(text)
    },
  )
})
