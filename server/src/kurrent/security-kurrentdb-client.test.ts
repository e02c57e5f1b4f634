import '../../../test/kurrent/with-kurrentdb-client.ts'
import '../../../test/kurrent/specs/security.ts'
import '../../../test/kurrent/specs/security-many.ts'
