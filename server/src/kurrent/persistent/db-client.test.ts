import '../../../../test/kurrent/with-db-client-in-memory.ts'
import '../../../../test/kurrent/specs/persistent-read.ts'
import '../../../../test/kurrent/specs/persistent-words.ts'
import '../../../../test/kurrent/specs/persistent-admin.ts'
