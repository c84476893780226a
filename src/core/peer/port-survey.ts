/**
 * Which ports of a master a participant on another computer reaches, for whoever runs that master: a firewall that lets the door through and
 * not the rest leaves players without a session, or without a profile, and nobody is told why.
 *
 *     door      eight handshakes, with keys for which the master chooses each of its control ports
 *     control   a question of each of these sessions
 *     probes    every probe port, with the key of the first session that was answered; what it sees tells of rewritten sources too
 *     relay     the relays that the master names, asked for a cookie
 *
 * The other addresses of the master are those that it tells. Nothing is said of a port behind one that did not answer: it was not asked.
 */

import { type Endpoint, endpointKey, familyOf } from '../address.ts';
import { agenda } from '../agenda.ts';
import { type Instant, type Machine, NEVER, type Output, type SocketId, type SocketOutcome } from '../contract.ts';
import { assert, type FailureCode } from '../errors.ts';
import { type Accepted, LinkHandshake, TicketPurse } from '../link/handshake.ts';
import type { LinkConfig } from '../link/interface.ts';
import { LINK_LIMITS } from '../link/limits.ts';
import { LinkSession } from '../link/session.ts';
import { outputs } from '../machine.ts';
import { RelayMeter } from '../relay/meter.ts';
import { Asker, type Question, requestNumbers } from '../sources/asker.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import type { RelayPlace } from '../wire/relay.ts';
import { PEER_LIMITS } from './base/limits.ts';

export type PortRole = 'door' | 'control' | 'probe' | 'relay';

export interface PortReport {
  readonly role: PortRole;
  readonly endpoint: Endpoint;
  /** Null: no answer, though it was asked several times. */
  readonly answeredMs: number | null;
}

export interface PortSurvey {
  /** By address and port. */
  readonly ports: readonly PortReport[];
  /** Addresses at which the master sees this computer. */
  readonly seenAs: readonly string[];
  /** Why no door was answered; null where one was. */
  readonly failure: FailureCode | null;
}

export type PortSurveyEvent = { readonly ev: 'surveyed'; readonly survey: PortSurvey };
export type PortSurveyConfig = Omit<LinkConfig, 'identity'> & {
  /** With which this computer has a way out. */
  readonly families: readonly (4 | 6)[];
};

/** A handshake of the next key begins so long after the one before: a stranger gets ten at once without being asked for a cookie. */
const TRIAL_EVERY_MS = 100;
const PROBE_EVERY_MS = 10;
/** Of a question that is not answered, then it is over. */
const REPEAT_MS: readonly number[] = [250, 500, 1_000, 1_000];
const [ECHO_ID, RELAYS_ID] = [1, 2];

type Phase =
  | { readonly in: 'greeting'; readonly handshake: LinkHandshake }
  /** Its control port is asked for an echo. */
  | { readonly in: 'asking'; readonly session: LinkSession; readonly at: Instant }
  /** Of the first that was answered: the master is asked for its relays. */
  | { readonly in: 'naming'; readonly session: LinkSession }
  | { readonly in: 'over' };

/** Which phase of a session to be may follow which, and when. @drawn in docs/states.md */
export const PORT_TRIAL_PHASES = {
  greeting: {
    asking: 'an ACCEPT has come that only the master can have made',
    over: 'nothing has come in its time, or the master has refused',
  },
  asking: {
    naming: 'the control port has answered, the first of all',
    over: 'it has answered, or four questions have no answer',
  },
  naming: { over: 'the master has named its relays, or four questions have no answer' },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

/** One session to be, with its control port. */
interface Trial {
  readonly door: Endpoint;
  readonly socket: SocketId;
  readonly startedAt: Instant;
  phase: Phase;
  waits: { cancel(): void } | null;
  /** Once there is a session. `answeredMs`: of the question; null: not yet. */
  control: { readonly endpoint: Endpoint; answeredMs: number | null } | null;
}

interface Probe {
  readonly question: Question;
  over: boolean;
}

/** Ends by itself within `PEER_LIMITS.portSurveyMsMax`. */
export class PortSurveyMachine implements Machine<{ readonly do: 'start' }, PortSurveyEvent> {
  private readonly config: PortSurveyConfig;
  private readonly out = outputs<PortSurveyEvent>();
  private readonly agenda = agenda();
  private readonly asker: Asker;
  private readonly meter: RelayMeter;
  private readonly sockets = new Map<4 | 6, { readonly socket: SocketId; open: boolean }>();
  private readonly addresses = new Set<string>();
  private readonly trials: Trial[] = [];
  private readonly doors = new Map<string, PortReport>();
  private readonly probes: Probe[] = [];
  /** Asked for mappings, by the first session that was answered. */
  private main: Trial | null = null;
  private relays: readonly Endpoint[] = [];
  private relaysOpen = false;
  private coming = 0;
  private readonly seenAs = new Set<string>();
  private failure: FailureCode = 'MASTER_UNREACHABLE';
  private over = false;

  constructor(config: PortSurveyConfig) {
    this.config = config;
    this.asker = new Asker(this.out.transmit, requestNumbers());
    this.meter = new RelayMeter({
      crypto: config.crypto,
      transmit: (to, bytes) => this.transmit(to, bytes),
      at: (instant, run) => this.agenda.at(instant, run),
      measured: () => {
        this.relaysOpen = false;
      },
    });
  }

  handleCommand(now: Instant): void {
    this.agenda.at(now + PEER_LIMITS.portSurveyMsMax, () => this.end());
    for (const address of this.config.master.addresses) this.add(now, address);
    this.endIfDone();
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    for (const [family, one] of this.sockets) {
      if (one.socket !== socket) continue;
      one.open = outcome.ok;
      if (outcome.ok) for (const address of this.addresses) if (familyOf(address) === family) this.knock(now, address);
      if (!outcome.ok) this.sockets.delete(family);
    }
    this.endIfDone();
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (!this.meter.datagram(now, from, bytes) && !this.hearProbe(now, socket, from, bytes)) {
      for (const trial of this.trials) if (trial.socket === socket) this.hear(now, trial, from, bytes);
    }
    this.endIfDone();
  }

  handleTimeout(now: Instant): void {
    this.agenda.run(now);
    this.endIfDone();
  }

  poll(): Output<PortSurveyEvent> {
    return this.out.next(this.over ? NEVER : this.agenda.next());
  }

  /** An address of the master, once; one of a family that this computer has no way for is not asked. */
  private add(now: Instant, address: string): void {
    const family = familyOf(address);
    if (this.addresses.has(address) || this.addresses.size >= LINK_LIMITS.linkAddressesMax) return;
    if (!this.config.families.includes(family)) return;
    this.addresses.add(address);
    const known = this.sockets.get(family);
    if (known?.open === true) this.knock(now, address);
    if (known !== undefined) return;
    const socket = this.config.sockets.next();
    this.sockets.set(family, { socket, open: false });
    this.out.open(socket, family);
  }

  private knock(now: Instant, address: string): void {
    for (let control = 0; control < WIRE_LIMITS.controlPorts; control++) {
      this.coming++;
      this.agenda.at(now + control * TRIAL_EVERY_MS, (at) => {
        this.coming--;
        if (control === 0 || !this.isOnePort(address)) this.begin(at, address, control);
      });
    }
  }

  /** Everything at the door's own port: there is no other to be asked. */
  private isOnePort(address: string): boolean {
    return this.trials.some(({ door, control }) => door.address === address && control?.endpoint.port === door.port);
  }

  private begin(now: Instant, address: string, control: number): void {
    const { crypto: suite, master, wallClock, random } = this.config;
    const socket = this.sockets.get(familyOf(address))?.socket;
    if (socket === undefined) return;
    let own = suite.keyPair();
    while ((own.publicKey[0] as number) % WIRE_LIMITS.controlPorts !== control) own = suite.keyPair();
    const door = { address, port: master.port };
    const handshake = LinkHandshake.start(
      now,
      { way: 'udp', door, socket },
      { suite, own, masterKey: master.key, time: wallClock(), purse: new TicketPurse(), random },
    );
    const phase: Phase = handshake === null ? { in: 'over' } : { in: 'greeting', handshake };
    const trial: Trial = { door, socket, startedAt: now, phase, waits: null, control: null };
    this.trials.push(trial);
    if (!this.doors.has(address)) this.doors.set(address, { role: 'door', endpoint: door, answeredMs: null });
    this.greet(now, trial);
  }

  private greet(now: Instant, trial: Trial): void {
    if (trial.phase.in !== 'greeting') return;
    const { handshake } = trial.phase;
    trial.waits?.cancel();
    const hello = handshake.due(now);
    if (hello !== null) this.out.transmit(trial.socket, trial.door, hello);
    if (now >= handshake.endsAt || handshake.failure !== 'MASTER_UNREACHABLE') {
      enter(trial, { in: 'over' });
      this.failure = handshake.failure;
      return;
    }
    trial.waits = this.agenda.at(Math.min(handshake.nextAt, handshake.endsAt), (at) => this.greet(at, trial));
  }

  private hear(now: Instant, trial: Trial, from: Endpoint, bytes: Uint8Array): void {
    const { phase } = trial;
    if (phase.in === 'over') return;
    if (phase.in === 'greeting') {
      const accepted = phase.handshake.take(now, bytes);
      if (accepted === null) this.greet(now, trial);
      else this.accepted(now, trial, accepted);
      return;
    }
    const told = phase.session.open(trial.socket, bytes);
    if (told?.frame !== 'response' || from.port !== phase.session.control.port) return;
    if (told.id === ECHO_ID && phase.in === 'asking') {
      if (trial.control !== null) trial.control.answeredMs = now - phase.at;
      if ('observed' in told.message) this.seenAs.add(told.message.observed.address);
      if (this.main === null) this.probe(now, trial, phase.session);
      else enter(trial, { in: 'over' });
    } else if (told.id === RELAYS_ID && told.message.type === 'relays' && phase.in === 'naming') {
      this.measure(now, told.message.relays);
      enter(trial, { in: 'over' });
    }
  }

  private accepted(now: Instant, trial: Trial, accepted: Accepted): void {
    trial.waits?.cancel();
    const session = new LinkSession(this.config.crypto, trial.door.address, accepted, 'udp');
    const before = this.doors.get(trial.door.address)?.answeredMs ?? Number.POSITIVE_INFINITY;
    const answeredMs = Math.min(before, now - trial.startedAt);
    this.doors.set(trial.door.address, { role: 'door', endpoint: trial.door, answeredMs });
    for (const address of session.addresses) this.add(now, address);
    trial.control = { endpoint: session.control, answeredMs: null };
    enter(trial, { in: 'asking', session, at: now });
    this.ask(now, trial, 0);
  }

  private ask(now: Instant, trial: Trial, tries: number): void {
    const { phase, socket } = trial;
    if (phase.in !== 'asking' && phase.in !== 'naming') return;
    const pauseMs = REPEAT_MS[tries];
    if (pauseMs === undefined) {
      enter(trial, { in: 'over' });
      return;
    }
    const { session } = phase;
    const naming = phase.in === 'naming';
    const request = naming ? ({ type: 'relays' } as const) : ({ type: 'echo' } as const);
    const bytes = session.request(naming ? RELAYS_ID : ECHO_ID, request, socket, socket);
    this.out.transmit(socket, session.control, bytes);
    trial.waits = this.agenda.at(now + pauseMs, (at) => this.ask(at, trial, tries + 1));
  }

  /** The master has confirmed this session, so its probe ports answer its key. */
  private probe(now: Instant, trial: Trial, session: LinkSession): void {
    this.main = trial;
    enter(trial, { in: 'naming', session });
    trial.waits?.cancel();
    this.ask(now, trial, 0);
    const ways = session.sources.filter(({ target }) => this.sockets.get(familyOf(target.address))?.open === true);
    for (const [n, source] of ways.entries()) {
      this.coming++;
      this.agenda.at(now + n * PROBE_EVERY_MS, (at) => {
        this.coming--;
        const socket = this.sockets.get(familyOf(source.target.address))?.socket ?? 0;
        const probe = { question: this.asker.ask(at, socket, source), over: false };
        this.probes.push(probe);
        this.agenda.at(at + (REPEAT_MS[0] as number), (later) => this.repeat(later, probe, 1));
      });
    }
  }

  private repeat(now: Instant, probe: Probe, tries: number): void {
    const pauseMs = REPEAT_MS[tries];
    if (probe.question.observed !== null || pauseMs === undefined) {
      probe.over = true;
      return;
    }
    this.asker.repeat(now, probe.question);
    this.agenda.at(now + pauseMs, (at) => this.repeat(at, probe, tries + 1));
  }

  private hearProbe(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    const question = this.asker.receive(now, socket, from, bytes);
    if (question === null) return false;
    for (const probe of this.probes) if (probe.question === question) probe.over = true;
    this.seenAs.add(question.observed?.address ?? '');
    return true;
  }

  /** The master's own relay is at each of its addresses, and names none. */
  private measure(now: Instant, relays: readonly RelayPlace[]): void {
    const ways = relays.flatMap(({ addresses, port }) => {
      const all = addresses.length === 0 ? [...this.addresses] : addresses;
      return all.map((address) => ({ address, port }));
    });
    this.relays = ways.filter(({ address, port }) => port > 0 && this.sockets.get(familyOf(address))?.open === true);
    this.relaysOpen = this.relays.length > 0;
    if (this.relaysOpen) this.meter.measure(now, this.relays);
  }

  private transmit(to: Endpoint, bytes: Uint8Array): void {
    const socket = this.sockets.get(familyOf(to.address))?.socket;
    if (socket !== undefined) this.out.transmit(socket, to, bytes);
  }

  private endIfDone(): void {
    const opening = [...this.sockets.values()].some(({ open }) => !open);
    const asking = this.trials.some(({ phase }) => phase.in !== 'over') || this.probes.some(({ over }) => !over);
    if (!opening && !asking && !this.relaysOpen && this.coming === 0) this.end();
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.meter.stop();
    this.agenda.clear();
    for (const { socket } of this.sockets.values()) this.out.close(socket);
    this.out.event({ ev: 'surveyed', survey: this.report() });
  }

  private report(): PortSurvey {
    const control = new Map<string, PortReport>();
    for (const { control: asked } of this.trials) {
      if (asked === null) continue;
      const key = endpointKey(asked.endpoint);
      const answeredMs = control.get(key)?.answeredMs ?? asked.answeredMs;
      control.set(key, { role: 'control', endpoint: asked.endpoint, answeredMs });
    }
    const probes = this.probes.map(({ question }) => ({
      ...{ role: 'probe' as const, endpoint: question.source.target },
      answeredMs: question.answeredAt === null ? null : question.answeredAt - question.sentLastAt,
    }));
    const relays = this.relays.map((at) => ({
      ...{ role: 'relay' as const, endpoint: at, answeredMs: this.meter.rttMs(at) },
    }));
    const doors = [...this.doors.values()];
    const failure = doors.some(({ answeredMs }) => answeredMs !== null) ? null : this.failure;
    return { ports: [...doors, ...control.values(), ...probes, ...relays], seenAs: [...this.seenAs], failure };
  }
}

function enter(trial: Trial, phase: Phase): void {
  assert(phase.in in PORT_TRIAL_PHASES[trial.phase.in], `a trial of ports goes from ${trial.phase.in} to ${phase.in}`);
  trial.phase = phase;
}
