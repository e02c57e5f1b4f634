import { postgresMaintenance } from '../../store/src/engines/postgres/index.ts'

/** Makes a store whose events lie in parts of so many positions, or puts those of a store into such parts. */
export async function putIntoParts(
  { url, schema }: { readonly url: string; readonly schema?: string },
  positionsPerPart: number,
): Promise<void> {
  await using maintenance = postgresMaintenance({ url, ...(schema !== undefined && { schema }) })
  await maintenance.partition(positionsPerPart)
}
