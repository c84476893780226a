/** IP addresses travel as canonical text (dotted IPv4; RFC 5952 IPv6), as node:dgram gives them; bytes only on the wire. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** One string per endpoint, for maps and logs: `203.0.113.9:41822`, `[2001:db8::1]:41822`. */
export function endpointKey(endpoint: Endpoint): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

export function sameEndpoint(left: Endpoint, right: Endpoint): boolean {
  return left.port === right.port && left.address === right.address;
}

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
