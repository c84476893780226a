/**
 * Which ways to the master pass, each by itself, for a report: a handshake by every way at once, up to the ACCEPT that only the master
 * can have made. No session comes of it, and the keys are nobody's.
 */
import { type Endpoint, familyOf } from '../address.ts';
import { type Instant, type Machine, NEVER, type Output, type SocketId, type SocketOutcome } from '../contract.ts';
import { outputs } from '../machine.ts';
import { LinkHandshake, TicketPurse } from './handshake.ts';
import type { LinkConfig, MasterWay } from './interface.ts';
import { type LegKind, Legs } from './legs.ts';
import { LINK_LIMITS } from './limits.ts';

export interface WayReport {
  readonly way: MasterWay;
  /** From the first HELLO to ACCEPT; of TLS from opening the tunnel. Null: no answer. */
  readonly answeredMs: number | null;
}

export type WaySurveyEvent = { readonly ev: 'surveyed'; readonly ways: readonly WayReport[] };

interface Trial {
  readonly way: MasterWay;
  readonly leg: LegKind;
  readonly port: number;
  handshake: LinkHandshake | null;
  answeredMs: number | null;
}

export type WaySurveyConfig = Omit<LinkConfig, 'identity'>;

/** Ends by itself within 2 s, or 5 s where there is a tunnel to open. */
export class WaySurvey implements Machine<{ readonly do: 'start' }, WaySurveyEvent> {
  private readonly config: WaySurveyConfig;
  private readonly out = outputs<WaySurveyEvent>();
  private readonly legs: Legs;
  private readonly trials: Trial[] = [];
  /** Null before it is begun and when it is over. */
  private asking: { readonly since: Instant; readonly until: Instant } | null = null;

  constructor(config: WaySurveyConfig) {
    this.config = config;
    this.legs = new Legs(config.sockets, this.out);
  }

  handleCommand(now: Instant): void {
    const { port, furtherPort, tunnel } = this.config.master;
    const [address] = this.config.master.addresses;
    if (address === undefined) return;
    const leg = familyOf(address);
    const trial = (way: MasterWay, at: LegKind, to: number): Trial => ({
      ...{ way, leg: at, port: to, handshake: null, answeredMs: null },
    });
    this.trials.push(trial('udp', leg, port));
    if (furtherPort !== undefined) this.trials.push(trial('further', leg, furtherPort));
    if (tunnel === true) this.trials.push(trial('tls', 'tls', port));
    const limitMs = tunnel === true ? LINK_LIMITS.surveyTunnelMsMax : LINK_LIMITS.handshakeMsMax;
    this.asking = { since: now, until: now + limitMs };
    for (const { leg: kind } of this.trials) this.legs.open(kind);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    this.legs.outcome(socket, outcome.ok);
    this.work(now);
  }

  handleDatagram(now: Instant, socket: SocketId, _from: Endpoint, bytes: Uint8Array): void {
    for (const trial of this.trials) {
      const { handshake } = trial;
      if (handshake?.socket !== socket || trial.answeredMs !== null) continue;
      if (handshake.take(now, bytes) !== null) trial.answeredMs = now - (this.asking?.since ?? now);
    }
    this.work(now);
  }

  handleTimeout(now: Instant): void {
    this.work(now);
  }

  poll(): Output<WaySurveyEvent> {
    const hellos = this.trials.map(({ handshake, answeredMs }) => (answeredMs === null && handshake?.nextAt) || NEVER);
    return this.out.next(Math.min(this.asking?.until ?? NEVER, ...hellos));
  }

  private work(now: Instant): void {
    const { asking } = this;
    if (asking === null) return;
    for (const trial of this.trials) this.advance(now, trial);
    const open = this.trials.filter((trial) => this.waits(now, trial));
    if (open.length > 0 && now < asking.until) return;
    this.asking = null;
    this.legs.closeAll();
    this.out.event({ ev: 'surveyed', ways: this.trials.map(({ way, answeredMs }) => ({ way, answeredMs })) });
    this.trials.length = 0;
  }

  private advance(now: Instant, trial: Trial): void {
    const socket = this.legs.state(trial.leg);
    if (typeof socket !== 'number' || trial.answeredMs !== null) return;
    const { crypto: suite, master, wallClock, random } = this.config;
    const [address = ''] = master.addresses;
    const door = { address, port: trial.port };
    trial.handshake ??= LinkHandshake.start(
      now,
      { way: trial.way, door, socket },
      { suite, own: suite.keyPair(), masterKey: master.key, time: wallClock(), purse: new TicketPurse(), random },
    );
    const hello = trial.handshake?.due(now) ?? null;
    if (hello !== null) this.out.transmit(socket, door, hello);
  }

  /** May it still be answered? */
  private waits(now: Instant, { leg, handshake, answeredMs }: Trial): boolean {
    if (answeredMs !== null || this.legs.state(leg) === 'failed') return false;
    if (handshake === null) return this.legs.state(leg) === 'opening';
    return handshake.failure === 'MASTER_UNREACHABLE' && now < handshake.endsAt;
  }
}
