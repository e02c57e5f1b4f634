import '../../../../test/kurrent/with-postgres.ts'
import '../../../../test/kurrent/specs/projection-once.ts'
