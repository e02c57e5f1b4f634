import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** An answer over HTTP/1.1. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
}

/** What a request says beside its method and its path. */
export interface Said {
  readonly authorization?: string | undefined
  readonly body?: unknown
  /** The file with the certificate of the authority that is trusted. */
  readonly ca?: string
}

/** The header of a user and a password. */
export function basic(login: string, password: string): string {
  return `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`
}

/** Sends one request, with or without TLS. */
export function send(url: string, method: string, path: string, said: Said = {}): Promise<Answer> {
  const { authorization, body, ca } = said
  const headers = {
    ...(authorization !== undefined && { authorization }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const open = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const trusted = ca === undefined ? {} : { ca: readFileSync(ca) }
    const request = open(url + path, { method, headers, agent: false, ...trusted }, (response) => {
      const chunks: Buffer[] = []
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = text !== '' && String(response.headers['content-type']).includes('json')
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: isJson ? JSON.parse(text) : { text },
        })
      })
    })
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Hashes that take no time: tests are about who may do what. */
export const quickPasswords = { passwordCost: { cost: 16, rounds: 1 } } as const
