import { deepEqual, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { createHandOver } from './hand-over.ts'

describe('handing over', () => {
  const begin = () => {
    const sent: string[] = []
    const line = createHandOver()
    const send = (ready: string | Promise<string>, signal?: AbortSignal): Promise<string> =>
      line.send(
        ready,
        async (name) => {
          sent.push(name)
          return name
        },
        signal,
      )
    return { sent, send }
  }

  it('sends at once what has nothing to wait for', () => {
    const { sent, send } = begin()
    void send('a')
    void send('b')
    deepEqual(sent, ['a', 'b'])
  })

  it('sends in the order of the calls, whatever is ready first', async () => {
    const { sent, send } = begin()
    const slow = Promise.withResolvers<string>()
    const all = [send(slow.promise), send(Promise.resolve('b')), send('c')]
    slow.resolve('a')
    await Promise.all(all)
    void send('d')
    deepEqual(sent, ['a', 'b', 'c', 'd'])
  })

  it('goes on after what could not be made ready', async () => {
    const { sent, send } = begin()
    const [failed, next] = [send(Promise.reject(new Error('no key'))), send('b')]
    await rejects(failed, /no key/)
    await next
    deepEqual(sent, ['b'])
  })

  it('lets go of who gives up, and still keeps the order of the others', async () => {
    const { sent, send } = begin()
    const [slow, giveUp] = [Promise.withResolvers<string>(), new AbortController()]
    const [first, given, last] = [send(slow.promise), send('b', giveUp.signal), send('c')]
    giveUp.abort(new Error('enough'))
    await rejects(given, /enough/)
    deepEqual(sent, [])
    slow.resolve('a')
    await Promise.all([first, last])
    deepEqual(sent, ['a', 'c'])
  })
})
