import { test } from 'vitest'
import { engineConformance } from '../../conformance/index.ts'
import { memory } from './index.ts'

engineConformance({ test, open: () => ({ engine: memory() }) })
