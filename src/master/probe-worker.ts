/**
 * The probe ports in a thread of their own (`probes.ts` starts it): nothing that the master does, and no flood on its other
 * ports, delays the answer that tells a socket its mapping. It knows no session but by the key that the master posts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  answeringPort,
  answerProbe,
  Counters,
  type Endpoint,
  familyOf,
  isLocalAddress,
  PROBE_PORTS,
  type ProbeSession,
} from '../core/index.ts';
import { monotonicNow, openUdpSocket, type UdpSocket } from '../node/index.ts';
import type { ProbeHeard, ProbeMessage, ProbeReport, ProbeWorkerData } from './probes.ts';

const { addresses, firstPort, reusePort } = workerData as ProbeWorkerData;
const counters = new Counters();
const table = new Map<number, ProbeSession>();
const sessions = { find: (number: number): ProbeSession | null => table.get(number) ?? null };
const places: { readonly address: string; readonly sockets: (UdpSocket | null)[] }[] = [];
/** Addresses of ours to which a question from outside has come: of each, one is told. */
const heard = new Set<string>();
const PROVEN: Endpoint = { address: '', port: 0 };

function receive(place: number, offset: number, from: Endpoint, bytes: Uint8Array): void {
  const reply = answerProbe(monotonicNow(), from, bytes, { sessions, counters });
  if (reply === null) return;
  tellHeard(places[place]?.address ?? '', from.address);
  const at = reply.answerFrom === 'other-address' ? nextPlace(place) : places[place];
  at?.sockets[answeringPort(offset, PROBE_PORTS, reply.answerFrom)]?.send(reply.to, reply.bytes, undefined);
}

/** From this computer or from inside it has passed no firewall. */
function tellHeard(address: string, from: string): void {
  if (heard.has(address) || isLocalAddress(from) || addresses.includes(from)) return;
  heard.add(address);
  parentPort?.postMessage({ kind: 'heard', address, from } satisfies ProbeHeard);
}

/** The next address of the same family, as the master tells them to participants. */
function nextPlace(place: number) {
  const own = places[place];
  const family = places.filter(({ address }) => own !== undefined && familyOf(address) === familyOf(own.address));
  const next = family[(family.indexOf(own ?? places[0]!) + 1) % family.length];
  return next === own ? undefined : next;
}

function open(address: string, place: number): string | null {
  const sockets: (UdpSocket | null)[] = [];
  places.push({ address, sockets });
  for (let i = 0; i < PROBE_PORTS; i += 1) {
    const request = {
      kind: 'socket',
      op: 'open',
      socket: i,
      family: familyOf(address),
      port: firstPort + i,
      address,
    } as const;
    const handlers = {
      onDatagram: (from: Endpoint, bytes: Uint8Array) => receive(place, i, from, bytes),
    };
    const { outcome, socket } = openUdpSocket(request, handlers, reusePort ? { reusePort } : {});
    if (!outcome.ok) return `${outcome.code} ${firstPort + i} ${address}`;
    sockets.push(socket);
  }
  return null;
}

function report(kind: 'ready' | 'counters', failure: string | null = null): void {
  const message: ProbeReport = {
    kind,
    failure,
    probes: counters.probes,
    dropped: counters.dropped,
    limited: counters.limited,
  };
  parentPort?.postMessage(message);
}

parentPort?.on('message', (message: ProbeMessage) => {
  if (message.kind === 'over') table.delete(message.session);
  else table.set(message.session, { path: PROVEN, probeKey: message.key, probeFullAt: 0 });
});
const failure = addresses.map(open).find((found) => found !== null) ?? null;
report('ready', failure);
setInterval(() => report('counters'), 1000);
