import { bytesTag, varintTag } from '../protobuf/proto-reader.ts'
import { ProtoWriter } from '../protobuf/proto-writer.ts'
import type { WrongVersion } from '../refusal.ts'
import type { LandedWrite } from './proposed-write.ts'

const successTag = bytesTag(1)
const wrongVersionTag = bytesTag(2)

const success = {
  currentRevision: varintTag(1),
  noStream: bytesTag(2),
  position: bytesTag(3),
  noPosition: bytesTag(4),
} as const

/** The older half is what clients up to version 20.6 read. */
const wrongVersion = {
  oldCurrentRevision: varintTag(1),
  oldNoStream: bytesTag(2),
  oldExpectedRevision: varintTag(3),
  oldAny: bytesTag(4),
  oldStreamExists: bytesTag(5),
  currentRevision: varintTag(6),
  currentNoStream: bytesTag(7),
  expectedRevision: varintTag(8),
  expectedAny: bytesTag(9),
  expectedStreamExists: bytesTag(10),
  expectedNoStream: bytesTag(11),
} as const

const commitTag = varintTag(1)
const prepareTag = varintTag(2)

/** The answer to Append: where it landed. */
export function encodeAppended(landed: LandedWrite): Buffer {
  const writer = new ProtoWriter(64)
  const message = writer.open(successTag)
  writeLanded(writer, landed)
  writer.close(message)
  return writer.finish()
}

/** The answer to Append that a wrong expectation has: no status of the call, unlike everywhere else. */
export function encodeWrongVersion({ expected, actual }: WrongVersion): Buffer {
  const writer = new ProtoWriter(64)
  const message = writer.open(wrongVersionTag)
  if (actual < 0) {
    writer.empty(wrongVersion.oldNoStream)
    writer.empty(wrongVersion.currentNoStream)
  } else {
    writer.uint(wrongVersion.oldCurrentRevision, actual)
    writer.uint(wrongVersion.currentRevision, actual)
  }
  switch (expected) {
    case 'any':
      writer.empty(wrongVersion.oldAny)
      writer.empty(wrongVersion.expectedAny)
      break
    case 'stream_exists':
      writer.empty(wrongVersion.oldStreamExists)
      writer.empty(wrongVersion.expectedStreamExists)
      break
    case 'no_stream':
      // The old half has no word for it, but the largest number.
      writer.bits(wrongVersion.oldExpectedRevision, 0xffff_ffff, 0xffff_ffff)
      writer.empty(wrongVersion.expectedNoStream)
      break
    default:
      writer.uint(wrongVersion.oldExpectedRevision, expected)
      writer.uint(wrongVersion.expectedRevision, expected)
  }
  writer.close(message)
  return writer.finish()
}

/** The fields of a success, which both ways to append share. */
export function writeLanded(writer: ProtoWriter, { revision, position }: LandedWrite): void {
  if (revision < 0) writer.empty(success.noStream)
  else writer.uint(success.currentRevision, revision)
  if (position === undefined) writer.empty(success.noPosition)
  else {
    const message = writer.open(success.position)
    writePosition(writer, position)
    writer.close(message)
  }
}

/** The fields of a position: commit and prepare are the same for every event of this store. */
export function writePosition(writer: ProtoWriter, position: number): void {
  writer.uint(commitTag, position)
  writer.uint(prepareTag, position)
}
