import '../../../test/kurrent/with-db-client.ts'
import '../../../test/kurrent/specs/security.ts'
