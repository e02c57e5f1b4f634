import '../../../../test/kurrent/with-db-client.ts'
import '../../../../test/kurrent/specs/projections.ts'
import { isEvery } from '../../../../test/kurrent/stage.ts'

if (isEvery) {
  await import('../../../../test/kurrent/specs/projection-emits.ts')
  await import('../../../../test/kurrent/specs/projection-faults.ts')
}
