import { describe, test } from 'vitest'
import { blobStoreConformance } from '../conformance/index.ts'
import { memoryBlobs } from './memory-blobs.ts'

describe('blobs in memory', () => blobStoreConformance({ test, open: () => ({ blobs: memoryBlobs() }) }))
