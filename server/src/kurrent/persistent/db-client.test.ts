import '../../../../test/kurrent/with-db-client-in-memory.ts'
import '../../../../test/kurrent/specs/persistent-read.ts'
import '../../../../test/kurrent/specs/persistent-words.ts'
import '../../../../test/kurrent/specs/persistent-admin.ts'
import { isEvery } from '../../../../test/kurrent/stage.ts'

if (isEvery) {
  await import('../../../../test/kurrent/specs/persistent-consumers.ts')
  await import('../../../../test/kurrent/specs/persistent-servers.ts')
}
