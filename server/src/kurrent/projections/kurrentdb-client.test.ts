import '../../../../test/kurrent/with-kurrentdb-client.ts'
import '../../../../test/kurrent/specs/projections.ts'
import '../../../../test/kurrent/specs/projection-emits.ts'
