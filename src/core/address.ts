/** IP addresses travel as canonical text (dotted IPv4; RFC 5952 IPv6), as node:dgram gives them; bytes only on the wire. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** No endpoint at all: of something that nobody has seen. */
export const NOWHERE: Endpoint = { address: '0.0.0.0', port: 0 };

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

/** 4 or 16 bytes in network order; null where the text is not an IP address. Zone indices (`%eth0`) are not taken. */
export function addressBytes(address: string): Uint8Array | null {
  return address.includes(':') ? ipv6Bytes(address) : ipv4Bytes(address);
}

/** Canonical text of 4 or 16 bytes: dotted IPv4, RFC 5952 IPv6. Null for any other length. */
export function addressText(bytes: Uint8Array): string | null {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return null;
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  // RFC 5952 §4.2.2: a single zero group is not shortened.
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** By hand, because a master does it for every probe. */
function ipv4Bytes(text: string): Uint8Array | null {
  const bytes = new Uint8Array(4);
  let group = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || group === 4) return null;
      bytes[group++] = value;
      digits = 0;
      value = 0;
      continue;
    }
    const digit = code - ZERO;
    // No leading zeros: some read them as octal.
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return null;
    value = value * 10 + digit;
    digits++;
    if (value > 255) return null;
  }
  return group === 4 ? bytes : null;
}
const DOT = 0x2e;
const ZERO = 0x30;

function ipv6Bytes(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = ipv6Groups(halves[0]!);
  const tail = halves.length === 2 ? ipv6Groups(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const zeros = 8 - head.length - tail.length;
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return null;
  const groups = [...head, ...new Array<number>(zeros).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The 16-bit groups of one side of `::`; a dotted IPv4 tail counts as two. */
function ipv6Groups(text: string): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else if (i === parts.length - 1) {
      const dotted = ipv4Bytes(part);
      if (dotted === null) return null;
      groups.push((dotted[0]! << 8) | dotted[1]!, (dotted[2]! << 8) | dotted[3]!);
    } else return null;
  }
  return groups;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** 127/8 and ::1: this very computer. False for anything that is no address, names included. */
export function isLoopback(address: string): boolean {
  const bytes = addressBytes(address);
  if (bytes === null) return false;
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/**
 * Not routed on the Internet: RFC 1918, RFC 6598 (carrier), RFC 3927 (link-local); unique local (RFC 4193), link-local (RFC 4291) and the
 * old site-local IPv6. Not loopback: what a peer calls an address of its LAN must never lead back to this computer.
 */
export function isPrivate(address: string): boolean {
  const bytes = addressBytes(address);
  if (bytes === null) return false;
  const [a, b] = bytes as unknown as [number, number];
  if (bytes.length === 16) return (a & 0xfe) === 0xfc || (a === 0xfe && b >= 0x80);
  if (a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168)) return true;
  return (a === 169 && b === 254) || (a === 100 && (b & 0xc0) === 64);
}

export const PORT_LOW = 1024;
export const PORT_HIGH = 65535;
