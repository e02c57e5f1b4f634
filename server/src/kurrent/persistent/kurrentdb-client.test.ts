import '../../../../test/kurrent/with-kurrentdb-client-on-sqlite.ts'
import '../../../../test/kurrent/specs/persistent-read.ts'
import '../../../../test/kurrent/specs/persistent-admin.ts'
