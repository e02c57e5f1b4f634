import { S3Client } from '@aws-sdk/client-s3'
import { type Claim, claimCheck, defineEvents, event, isClaim, memory, memoryBlobs, openStore } from 'varve'
import { s3Blobs } from 'varve/s3'
import { expectTypeOf } from 'vitest'
import * as z from 'zod'

const claims = claimCheck(memoryBlobs())
const store = openStore({ engine: memory() })
const plain = defineEvents({ Signed: event<{ by: string; scan: Claim; more?: readonly Claim[] }>() })
const checked = defineEvents({ Signed: z.object({ by: z.string(), scan: z.custom<Claim>(isClaim) }) })

const scan = await claims.check(new Uint8Array(1))
expectTypeOf(scan).toEqualTypeOf<Claim>()

// A claim is read as the type it was written with, with a schema and without.
const one = await store.category('Contract', plain).stream('7').read().last()
expectTypeOf(one?.data.scan).toEqualTypeOf<Claim | undefined>()
expectTypeOf(one?.data.more).toEqualTypeOf<readonly Claim[] | undefined>()
const other = await store.category('Contract', checked).stream('7').read().last()
expectTypeOf(other?.data.scan).toEqualTypeOf<Claim | undefined>()

// Bytes are no claim, a claim is no bytes.
const contracts = store.category('Contract', plain).stream('7')
// @ts-expect-error
await contracts.append([{ type: 'Signed', data: { by: 'ada', scan: new Uint8Array(1) } }])
// @ts-expect-error
await contracts.append([{ type: 'Signed', data: { by: 'ada', scan: { ...scan, claim: 'md5:1' } } }])
// @ts-expect-error
await claims.redeem('sha256:1')
// @ts-expect-error
await claims.check('a text')

const unknown: unknown = one?.data
if (isClaim(unknown)) expectTypeOf(unknown).toEqualTypeOf<Claim>()
expectTypeOf(claims.stream(scan)).toExtend<AsyncIterable<Uint8Array>>()

// Any client of the driver will do, whatever its version of the types says about commands.
s3Blobs({ bucket: 'shop', client: new S3Client({}) })
