import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BlobStore, fileBlobs, InvalidArgument } from 'varve'
import { s3Blobs } from 'varve/s3'
import { withoutPassword } from './store-url.ts'

const known =
  'file:blobs (a directory), s3://bucket/prefix?region=eu-west-1 (S3) or ' +
  's3://bucket/prefix?endpoint=http://host:9000 (a store that speaks S3)'

/**
 * Opens the blob store that a URL names: `file:blobs`, `file:/var/lib/blobs`, or
 * `s3://bucket/prefix?region=eu-west-1&endpoint=https://host&path_style=true`.
 *
 * @throws INVALID_ARGUMENT for a URL that names no blob store, and for a directory that is not there: a mistyped name would
 *   look like a store that has lost all its blobs.
 */
export function openBlobsAt(url: string): BlobStore & Partial<AsyncDisposable> {
  const [, scheme, rest] = /^([a-z0-9]+):(.*)$/is.exec(url) ?? []
  if (scheme?.toLowerCase() === 'file' && rest !== undefined && rest !== '') return directoryAt(url, rest)
  if (scheme?.toLowerCase() === 's3') return bucketAt(url)
  throw refused(url, `names no blob store; known are ${known}`)
}

function directoryAt(url: string, rest: string): BlobStore {
  const directory = rest.startsWith('//') ? pathOf(url) : rest
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw refused(url, 'and there is no such directory: name the one that the claims were made with')
  }
  return fileBlobs({ directory })
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw refused(url, `is no path of this machine: write file:blobs for a directory here, or file:///var/lib/blobs`)
  }
}

function bucketAt(url: string): BlobStore & AsyncDisposable {
  const [, bucket = '', path = '', query = ''] = /^s3:\/\/([^/?]+)\/?([^?]*)(?:\?(.*))?$/i.exec(url) ?? []
  if (bucket === '') throw refused(url, 'names no bucket: write s3://bucket or s3://bucket/prefix')
  const given = new URLSearchParams(query)
  const [region, endpoint, pathStyle] = ['region', 'endpoint', 'path_style'].map((name) => given.get(name) ?? undefined)
  const unknown = [...given.keys()].find((name) => !['region', 'endpoint', 'path_style'].includes(name))
  if (unknown !== undefined) throw refused(url, `says ${unknown}; known are region, endpoint and path_style`)
  if (pathStyle !== undefined && !['true', 'false'].includes(pathStyle)) {
    throw refused(url, 'in which path_style is neither true nor false')
  }
  return s3Blobs({
    bucket,
    prefix: path,
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(pathStyle !== undefined && { pathStyle: pathStyle === 'true' }),
  })
}

function refused(url: string, problem: string): InvalidArgument {
  return new InvalidArgument('blobs', `is ${JSON.stringify(withoutPassword(url))}, ${problem}`)
}
