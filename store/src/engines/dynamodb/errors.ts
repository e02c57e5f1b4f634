import { type AwsFailure, isOutOfReach, saidBy } from '../../engine/aws-failure.ts'
import { EngineFailed, EngineUnavailable, isVarveError } from '../../model/errors.ts'

/** DynamoDB's code is the name of the error; a write that was refused may bring what stood in the way. */
interface DriverFailure extends AwsFailure {
  readonly Item?: unknown
  readonly CancellationReasons?: readonly { readonly Code?: string; readonly Item?: unknown }[]
}

/**
 * Codes (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html) after which the same
 * request may succeed in a moment, whatever their status.
 */
const passing: readonly unknown[] = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'Throttling',
  'TransactionConflictException',
  'TransactionInProgressException',
  'ReplicatedWriteConflictException',
  'LimitExceededException',
  'InternalServerError',
  'InternalServerErrorException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'TimeoutError',
  'RequestTimeout',
  'RequestTimeoutException',
  'NetworkingError',
]

const problems: Readonly<Record<string, string>> = {
  ResourceNotFoundException:
    "the table does not exist in this region and account. Make it with 'varve migrate --up', or name another one",
  AccessDeniedException:
    'these credentials may not do that. docs/guides/dynamodb.md lists the actions that the engine needs',
  UnrecognizedClientException: 'the credentials are not known. Check the access key and the region',
  ExpiredTokenException: 'the credentials have expired. Get new ones',
  InvalidSignatureException: 'the signature was refused. Check the secret key and the clock of this machine',
  CredentialsProviderError:
    'no credentials were found. Give a client with credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
}

/** Whether a condition of a write did not hold. */
export function isRefusal(error: unknown): boolean {
  return nameOf(error) === 'ConditionalCheckFailedException'
}

/** Why a transaction was not carried out, for each of its writes; undefined when it was not a condition that did not hold. */
export function refusalsOf(error: unknown): readonly Refusal[] | undefined {
  const reasons = reasonsOf(error)
  if (!reasons.some(({ Code }) => Code === refused)) return undefined
  return reasons.map(({ Code, Item }) => ({ isRefused: Code === refused, item: Item }))
}

/** What one write of a transaction met. */
export interface Refusal {
  readonly isRefused: boolean
  /** What was in the way, in the form of the driver, when the server tells. */
  readonly item: unknown
}

const refused = 'ConditionalCheckFailed'

/** The item that stood in the way of a conditional write, in the form of the driver. */
export function itemInTheWay(error: unknown): unknown {
  return (error as DriverFailure).Item
}

/** Whether a client had sent the request before, as clients of yours do by themselves. */
export function wasRepeated(error: unknown): boolean {
  return Number((error as DriverFailure).$metadata?.attempts ?? 1) > 1
}

/** Whether there is no table. */
export function isNoTable(error: unknown): boolean {
  return nameOf(error) === 'ResourceNotFoundException'
}

/** Whether something is being made, or is there already. */
export function isInUse(error: unknown): boolean {
  return nameOf(error) === 'ResourceInUseException'
}

/** Whether the same request may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  return passing.includes(nameOf(error)) || isOutOfReach(error) || reasonsOf(error).some(isPassingReason)
}

/** An error of the driver as one of Varve's, told by its code; any other error as it is. */
export function translated(error: unknown): unknown {
  if (isVarveError(error)) return error
  const cause = { cause: error }
  if (isPassing(error)) return new EngineUnavailable('dynamodb', saidBy(error), cause)
  const problem = problems[String(nameOf(error))]
  if (problem !== undefined) return new EngineFailed('dynamodb', problem, cause)
  return (error as DriverFailure | undefined)?.$metadata === undefined
    ? error
    : new EngineFailed('dynamodb', saidBy(error), cause)
}

/** What DynamoDB left undone again and again, without calling it an error. */
export function leftUndone(items: number): EngineUnavailable {
  return new EngineUnavailable(
    'dynamodb',
    `${items} items of a request were left undone again and again, as throttling does`,
  )
}

function reasonsOf(error: unknown): NonNullable<DriverFailure['CancellationReasons']> {
  return (error as DriverFailure | undefined)?.CancellationReasons ?? []
}

/** Of a transaction that met another one, or was throttled in a part. */
function isPassingReason({ Code }: { readonly Code?: string }): boolean {
  return ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'].includes(Code ?? '')
}

function nameOf(error: unknown): unknown {
  return (error as DriverFailure | undefined)?.name
}
