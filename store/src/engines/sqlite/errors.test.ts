import { match } from 'node:assert/strict'
import { it } from 'vitest'
import { translated } from './errors.ts'

it('says that the disk is full also where SQLite calls it an error of input and output', () => {
  const refused = Object.assign(new Error('disk I/O error'), { errcode: 4874 })
  match(String(translated(refused, 'shop.db')), /shop\.db: .*disk is full.*result code 10/)
  const other = Object.assign(new Error('disk I/O error'), { errcode: 10 | (3 << 8) })
  match(String(translated(other, 'shop.db')), /shop\.db: .*Check the disk/)
})
