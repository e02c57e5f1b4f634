import { keepsBlobs } from '../../../test/blobs/promises.ts'
import { memoryBlobs } from './memory-blobs.ts'

keepsBlobs('memory', async () => memoryBlobs())
