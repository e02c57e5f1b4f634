// node test/oldest-node/fetch.ts: gets the oldest Node that the packages are for, for the tests that run on it.

import { fetchOldestNode, npmHasOldestNode, whyNoOldestNode } from './oldest-node.ts'

if (npmHasOldestNode) fetchOldestNode()
else process.stdout.write(`${whyNoOldestNode() ?? 'It is there'}.\n`)
