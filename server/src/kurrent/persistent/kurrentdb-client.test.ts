import '../../../../test/kurrent/with-kurrentdb-client.ts'
import '../../../../test/kurrent/specs/persistent-read.ts'
import '../../../../test/kurrent/specs/persistent-admin.ts'
