import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { openStoreAt } from '../../server/src/open-engine.ts'
import { seeded } from '../../store/src/conformance/seeded.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { start, temporaryFolder, varve } from '../cli/varve.ts'
import { startDynamoDB, whyNoDynamoDB } from '../dynamodb/server.ts'
import { freshDatabase } from '../postgres/database.ts'
import { onNewestPostgres, sayWhy } from '../postgres/on-postgres.ts'
import { type Customers, customersOf } from './customers.ts'
import { type Follower, followerOf } from './follower.ts'

/**
 * A shop that moves from one engine to the next while its customers order: copied while it is written to, switched in the
 * moment in which nobody's append is under way, and gone on with from where everybody was.
 */

const folder = temporaryFolder()
afterAll(folder.remove)

/** How long customers order before each move, and after the last. */
const orderMs = Number(process.env.VARVE_MOVING_MS ?? 700)

const seed = Number(process.env.VARVE_MOVING_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** AWS has to be told who asks, an emulator only that somebody does. */
const env = { AWS_ACCESS_KEY_ID: 'varve', AWS_SECRET_ACCESS_KEY: 'varve' }

const noDynamoDB = sayWhy(whyNoDynamoDB())

async function places(postgresUrl: string): Promise<readonly string[]> {
  const embedded = [`sqlite:${join(folder.path, 'shop.db')}`, postgresUrl]
  if (noDynamoDB !== undefined) return embedded
  const server = await startDynamoDB()
  onTestFinished(server.stop)
  return [...embedded, `dynamodb://${server.freshTable()}?region=eu-west-1&endpoint=${server.endpoint}`]
}

async function opened(url: string): Promise<EventStore> {
  const store = await openStoreAt(url)
  onTestFinished(() => store.close())
  return store
}

/** As the guide says: copy while it is written to, hold the writers, copy the rest, go on at the new place. */
async function move(from: string, to: string, customers: Customers, follower: Follower): Promise<void> {
  const words = ['import', '--from', from, '--store', to]
  const copying = start(folder.path, [...words, '--follow'], { env })
  const caughtUp = new Promise<void>((resolve) => {
    copying.child.stderr?.on('data', (said) => String(said).includes('caught up') && resolve())
  })
  await Promise.race([caughtUp, copying.ended.then((ended) => expect(ended).toMatchObject({ code: 0, stderr: '' }))])
  await sleep(orderMs)

  await customers.hold()
  await follower.hold()
  copying.child.kill('SIGINT')
  expect(await copying.ended).toMatchObject({ code: 0 })
  const rest = await varve(folder.path, [...words, '--shelf', '--checkpoint', follower.checkpoint], { env })
  expect(rest).toMatchObject({ code: 0 })

  const store = await opened(to)
  follower.follow(store)
  customers.orderFrom(store)
}

onNewestPostgres(({ cluster }) => {
  it(`a shop moves from engine to engine under load, with no event lost and none twice (VARVE_MOVING_SEED=${seed})`, {
    timeout: 180_000,
  }, async () => {
    Object.assign(process.env, env)
    const database = await freshDatabase(await cluster())
    onTestFinished(database.drop)
    const [first = '', ...others] = await places(database.url)
    const [customers, follower] = [customersOf(seeded(seed)), followerOf()]
    const store = await opened(first)
    follower.follow(store)
    customers.orderFrom(store)
    await sleep(orderMs)

    let at = first
    for (const to of others) {
      await move(at, to, customers, follower)
      at = to
    }
    await sleep(orderMs)
    await customers.hold()
    await customers.settle()
    await follower.hold()

    const events = await (await opened(at)).readAll().toArray()
    const positions = events.map(({ position }) => position)
    expect(positions).toEqual(positions.map((_, index) => index + 1))
    // What was acknowledged is there, at the version that was told, and nothing else is.
    expect(new Map(events.map(({ id, streamId, version }) => [id, `${streamId} ${version}`]))).toEqual(
      customers.acknowledged,
    )
    expect(events.length).toBe(customers.acknowledged.size)
    expect(follower.delivered).toEqual(positions)
  })
})
