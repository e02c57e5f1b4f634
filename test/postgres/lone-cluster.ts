// A process that starts a cluster, tells where it is, and stays until somebody ends it, by whatever means.

import { startCluster } from './cluster.ts'

const cluster = await startCluster()
process.once('message', async () => {
  await cluster.stop()
  process.disconnect?.()
})
process.send?.({
  pid: cluster.pid(),
  keeper: cluster.keeper,
  url: cluster.url,
  dataFolder: cluster.dataFolder,
  runAs: cluster.runAs,
})
