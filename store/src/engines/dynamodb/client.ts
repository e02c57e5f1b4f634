/** What the engine needs of a DynamoDBClient of `@aws-sdk/client-dynamodb`, by structure: any client with this shape will do. */
export interface DynamoDBClientLike {
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>
}

/** Where a client of our own connects to. */
export interface ClientPlace {
  readonly region: string | undefined
  readonly endpoint: string | undefined
}
