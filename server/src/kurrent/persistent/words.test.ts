import '../../../../test/kurrent/with-kurrentdb-client-on-sqlite.ts'
import '../../../../test/kurrent/specs/persistent-words.ts'
import '../../../../test/kurrent/specs/persistent-servers.ts'
