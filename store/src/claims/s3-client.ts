/** What is needed of a client of `@aws-sdk/client-s3`, by structure: any client with this shape will do. */
export interface S3ClientLike {
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>
}
