import '../../../../test/kurrent/with-kurrentdb-client.ts'
import '../../../../test/kurrent/specs/persistent-consumers.ts'
