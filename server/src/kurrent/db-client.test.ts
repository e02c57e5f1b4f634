import '../../../test/kurrent/with-db-client.ts'
import '../../../test/kurrent/specs/append.ts'
import '../../../test/kurrent/specs/repeats.ts'
import '../../../test/kurrent/specs/read-stream.ts'
import '../../../test/kurrent/specs/read-all.ts'
import '../../../test/kurrent/specs/subscribe.ts'
import '../../../test/kurrent/specs/subscribe-filtered.ts'
import '../../../test/kurrent/specs/metadata.ts'
import '../../../test/kurrent/specs/delete-stream.ts'
import '../../../test/kurrent/specs/views.ts'
import '../../../test/kurrent/specs/discovery.ts'
import { isEvery } from '../../../test/kurrent/stage.ts'

if (isEvery) await import('../../../test/kurrent/specs/read-filtered.ts')
