/** The event that a change belongs to: handlers give the one they were given. */
export interface AtEvent {
  readonly position: number
}

/** A document that a search found. */
export interface FoundDocument<Document> {
  readonly _id: string
  readonly _score: number | null
  readonly _source: Document
  /** Where it is in the order that was asked for, for `search_after`. */
  readonly sort?: readonly unknown[]
}

/** What a search gives, as the server gives it. */
export interface SearchAnswer<Document> {
  readonly hits: {
    readonly total?: { readonly value: number; readonly relation: string }
    readonly hits: readonly FoundDocument<Document>[]
  }
  readonly aggregations?: Readonly<Record<string, unknown>>
}

/**
 * The documents of a target. Readers get and search; handlers put, update and delete, which the target gathers and sends at the
 * end of the batch. Handlers read nothing but the document they update: what they read of another one might be ahead of
 * the event, since documents are written before the checkpoint.
 */
export interface ElasticsearchReadModel<Document extends object> {
  /** A document as it is at this moment, whether or not a search finds it yet. Readers only, as `search`. */
  get(id: string): Promise<Document | undefined>
  /** Searches, with a body as the server takes it. Finds what was written before the last refresh of the index. */
  search(body: object): Promise<SearchAnswer<Document>>
  /** Stores a document whole, whatever was there. Handlers only, as all of the following. */
  put(at: AtEvent, id: string, document: Document): void
  /**
   * Makes a document of the one that is there; undefined stands for none, before and after. `change` runs at the end of the
   * batch, and not at all where the document has this event in it already. It makes the new document of the old one and the
   * event, does nothing else, and waits for nothing.
   */
  update(at: AtEvent, id: string, change: (document: Document | undefined) => Document | undefined): void
  /** Deletes a document; one that is not there is no error. */
  delete(at: AtEvent, id: string): void
}
