import '../../../../test/kurrent/with-kurrentdb-client.ts'
import '../../../../test/kurrent/specs/projection-faults.ts'
