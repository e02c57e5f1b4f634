import '../../../../test/kurrent/with-kurrentdb-client.ts'
import '../../../../test/kurrent/specs/persistent-words.ts'
import '../../../../test/kurrent/specs/persistent-servers.ts'
