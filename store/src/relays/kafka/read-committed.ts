import type { Consumer } from '@platformatic/kafka'

type RawConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>
type FetchResponse = Awaited<ReturnType<RawConsumer['fetch']>>
type Answered = (error: Error | null, answer: FetchResponse) => void

const isTransactional = 0x10
const isControl = 0x20

/**
 * Has a consumer pass over what was aborted. The client does so itself, except where one producer aborted several times in one
 * answer, or where the mark that ends the transaction is in a later one.
 */
export function passOverAborted(consumer: RawConsumer): void {
  const fetch = consumer.fetch.bind(consumer) as (options: unknown, answered: Answered) => void
  const passing = (options: unknown, answered: Answered): void =>
    fetch(options, (error, answer) => {
      if (error === null || error === undefined) withoutAborted(answer)
      answered(error, answer)
    })
  consumer.fetch = passing as unknown as RawConsumer['fetch']
}

/**
 * Marks batches of aborted transactions as if they were for the client alone, which so comes past them and hands nothing of them
 * out. The broker names the transactions by producer and first message, in order; each ends at the next mark of its producer.
 */
export function withoutAborted(answer: Pick<FetchResponse, 'responses'>): void {
  for (const { partitions } of answer.responses) {
    for (const { records, abortedTransactions } of partitions) {
      if (!records || !abortedTransactions?.length) continue
      const coming = abortedTransactions.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
      const aborting = new Set<bigint>()
      for (const batch of records) {
        const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
        while (coming[0] !== undefined && coming[0].firstOffset <= last) {
          aborting.add(coming[0].producerId)
          coming.shift()
        }
        if ((batch.attributes & isControl) !== 0) aborting.delete(batch.producerId)
        else if ((batch.attributes & isTransactional) !== 0 && aborting.has(batch.producerId)) {
          batch.attributes |= isControl
        }
      }
    }
  }
}
