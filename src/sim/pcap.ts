/**
 * A trace as a pcap file (raw IP link type), as tcpdump and Wireshark read it: each packet where it enters the wire at its host,
 * after every translation, and where it arrives. Payload bytes are the real ones; ICMP quotes the header it is about.
 */
import type { Endpoint } from '../core/index.ts';
import type { Packet } from './packet.ts';
import type { TraceRecord } from './trace.ts';

/** LINKTYPE_RAW: the packet begins with an IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;
const SNAPLEN = 65_535;
const PROTOCOL_UDP = 17;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMP6 = 58;
/** 2026-01-01T00:00:00Z, so that virtual time zero has a date; times stay relative to it. */
const EPOCH_SECONDS = 1_767_225_600;

export function tracePcap(records: readonly TraceRecord[]): Uint8Array {
  const parts = [fileHeader()];
  for (const { at, what, packet } of records) {
    if (what === 'dropped') continue;
    const frame = frameOf(packet);
    if (frame !== null) parts.push(recordHeader(at, frame.length), frame);
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

function fileHeader(): Uint8Array {
  const header = new Uint8Array(24);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, SNAPLEN);
  view.setUint32(20, LINKTYPE_RAW);
  return header;
}

function recordHeader(at: number, length: number): Uint8Array {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  const micros = Math.round(at * 1000);
  view.setUint32(0, EPOCH_SECONDS + Math.floor(micros / 1_000_000));
  view.setUint32(4, micros % 1_000_000);
  view.setUint32(8, length);
  view.setUint32(12, length);
  return header;
}

function frameOf(packet: Packet): Uint8Array | null {
  const six = packet.to.address.includes(':');
  // A router without an address of its own sends from the unspecified one.
  const source = isAddress(packet.from.address, six) ? packet.from.address : six ? '::' : '0.0.0.0';
  const icmp = packet.icmp;
  const body =
    icmp === null ? udp(packet.from, packet.to, packet.bytes) : icmpError(icmp.kind, icmp.from, icmp.to, six);
  const protocol = icmp === null ? PROTOCOL_UDP : six ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
  const header = six
    ? header6(source, packet.to.address, packet.ttl, protocol, body.length)
    : header4(source, packet.to.address, packet.ttl, protocol, body.length, packet.id);
  if (protocol !== PROTOCOL_ICMP) {
    const sum = checksum([pseudoHeader(source, packet.to.address, protocol, body.length), body]);
    new DataView(body.buffer).setUint16(protocol === PROTOCOL_UDP ? 6 : 2, sum === 0 ? 0xffff : sum);
  }
  return joined(header, body);
}

function isAddress(text: string, six: boolean): boolean {
  return six ? text.includes(':') : /^\d+\.\d+\.\d+\.\d+$/.test(text);
}

function udp(from: Endpoint, to: Endpoint, bytes: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(8 + bytes.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, from.port);
  view.setUint16(2, to.port);
  view.setUint16(4, datagram.length);
  datagram.set(bytes, 8);
  return datagram;
}

/** Type and code of RFC 792 and RFC 4443. */
const ICMP4 = { 'time-exceeded': [11, 0], 'port-unreachable': [3, 3], prohibited: [3, 13], 'too-big': [3, 4] } as const;
const ICMP6 = { 'time-exceeded': [3, 0], 'port-unreachable': [1, 4], prohibited: [1, 1], 'too-big': [2, 0] } as const;

function icmpError(kind: keyof typeof ICMP4, from: Endpoint, to: Endpoint, six: boolean): Uint8Array {
  const quoted = udp(from, to, new Uint8Array(0));
  const inner = six
    ? header6(from.address, to.address, 1, PROTOCOL_UDP, quoted.length)
    : header4(from.address, to.address, 1, PROTOCOL_UDP, quoted.length, 0);
  const message = joined(new Uint8Array(8), joined(inner, quoted));
  const [type, code] = six ? ICMP6[kind] : ICMP4[kind];
  message[0] = type;
  message[1] = code;
  if (!six) new DataView(message.buffer).setUint16(2, checksum([message]));
  return message;
}

function header4(from: string, to: string, ttl: number, protocol: number, bodyBytes: number, id: number): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  header[0] = 0x45;
  view.setUint16(2, 20 + bodyBytes);
  view.setUint16(4, id & 0xffff);
  header[8] = ttl;
  header[9] = protocol;
  header.set(bytesOf(from), 12);
  header.set(bytesOf(to), 16);
  view.setUint16(10, checksum([header]));
  return header;
}

function header6(from: string, to: string, hops: number, protocol: number, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  header[0] = 0x60;
  view.setUint16(4, bodyBytes);
  header[6] = protocol;
  header[7] = hops;
  header.set(bytesOf(from), 8);
  header.set(bytesOf(to), 24);
  return header;
}

function pseudoHeader(from: string, to: string, protocol: number, bodyBytes: number): Uint8Array {
  const tail = new Uint8Array(4);
  tail[1] = protocol;
  new DataView(tail.buffer).setUint16(2, bodyBytes);
  return joined(joined(bytesOf(from), bytesOf(to)), tail);
}

/** RFC 1071. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] as number) << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Addresses of the simulator: dotted IPv4, and IPv6 with at most one `::`. */
function bytesOf(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.').map(Number));
  const bytes = new Uint8Array(16);
  const [head = '', tail = ''] = address.split('::');
  const words = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words(head).entries()) view.setUint16(2 * i, word);
  const last = words(tail);
  for (const [i, word] of last.entries()) view.setUint16(16 - 2 * (last.length - i), word);
  return bytes;
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
