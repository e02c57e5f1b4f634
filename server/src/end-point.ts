/** Where a server is, as clients of KurrentDB write it. */
export interface EndPoint {
  readonly address: string
  readonly port: number
}

/** The address by which a client has come, which is one that it can come by again. */
export function endPointOf(scheme: 'http' | 'https', authority: string | undefined): EndPoint {
  const url = `${scheme}://${authority}`
  const { hostname, port, protocol } = new URL(URL.canParse(url) ? url : 'http://localhost:2113')
  const portNumber = port === '' ? defaultPorts[protocol] : Number(port)
  return { address: hostname.replace(/^\[(.*)\]$/, '$1'), port: portNumber ?? 0 }
}

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }
