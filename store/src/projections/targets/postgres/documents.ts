import type { DocumentQuestion } from './question.ts'

/** A document as it is kept. */
export interface StoredDocument<Document> {
  readonly id: string
  readonly document: Document
  /** How far the projection was when the document was put: it rises whenever the document changes. */
  readonly position: number
}

/** A collection of documents by id. Handlers see what they have put, readers what is committed. */
export interface Documents<Document> {
  /** The document with an id, as a copy; undefined when there is none. */
  get(id: string): Promise<Document | undefined>
  /**
   * Puts a document in place of the one before. Written when all handlers of the batch are done. For handlers only.
   *
   * @throws INVALID_ARGUMENT for what is no JSON object; LIMIT_EXCEEDED for an id that is too long.
   */
  put(id: string, document: Document): void
  /** Removes a document; one that is not there is no error. For handlers only. */
  delete(id: string): void
  /**
   * Documents by what is in them.
   *
   * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
   */
  query(question?: DocumentQuestion<Document>): Promise<readonly StoredDocument<Document>[]>
}
