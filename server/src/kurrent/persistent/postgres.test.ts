import '../../../../test/kurrent/with-postgres.ts'
import '../../../../test/kurrent/specs/persistent-servers.ts'
