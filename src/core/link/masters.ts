/**
 * A participant's master, be that one or the nodes of a fleet. By itself it is one link, and adds nothing to it. Where the master turns out
 * to be a fleet there is a link to each node that is of use:
 *
 *     the master of the link      as always: it came in there, and its probe ports are the sources
 *     of a host                   the first two nodes of its code that answer: it is registered at each
 *     of whoever joins            the first node of the host's code that knows it
 *
 * No node is asked to pass anything on, so none has to believe another: whoever grants a permit has seen both sides itself. A node that
 * does not answer is passed over, a join that waited there begins anew at the next, and what is said of a join goes where it came from.
 */
import type { Endpoint } from '../address.ts';
import { toHex } from '../bytes.ts';
import { type Instant, NEVER, type Output, type SocketId, type SocketOutcome } from '../contract.ts';
import { FLEET_LIMITS } from '../fleet/limits.ts';
import { Nest, outputs } from '../machine.ts';
import { allowAt } from '../rate/pace.ts';
import type { MappingSource } from '../sources/source.ts';
import { WIRE } from '../wire/first-byte.ts';
import type { Push, Response } from '../wire/messages.ts';
import type { RelayPlace } from '../wire/relay.ts';
import { Errands, UNREACHABLE } from './errands.ts';
import { TicketPurse } from './handshake.ts';
import { HomeName } from './home-name.ts';
import type {
  Destination,
  LinkCommand,
  LinkConfig,
  LinkEvent,
  MastersCommand,
  MastersEvent,
  MastersMachine,
  MasterWay,
} from './interface.ts';
import { LINK_LIMITS } from './limits.ts';
import { Link } from './link.ts';
import { type NodeCandidate, NodeLink } from './node-link.ts';
import { Nodes } from './nodes.ts';

type Ask = LinkCommand & { readonly do: 'request' };
type State = NonNullable<NodeLink['state']>;

/** Refs of the parent are positive. */
const NODES_REF = -1;

export class Masters implements MastersMachine {
  private readonly config: LinkConfig;
  private readonly out = outputs<MastersEvent>();
  private readonly nest = new Nest(this.out);
  /** A ticket of one node counts at all. */
  private readonly purse = new TicketPurse();
  private readonly home: NodeLink;
  private readonly nodes = new Map<string, NodeLink>();
  private readonly known = new Nodes();
  /** What the fleet calls the node that the link leads to just now. */
  private readonly homeName = new HomeName();
  private readonly errands: Errands;
  /** The one whose session is told as ours. */
  private told: NodeLink | null = null;
  private standing: string | null = null;
  private hold: LinkCommand & { readonly do: 'hold' } = { do: 'hold', lifeMs: null };
  private wakeAt: Instant = NEVER;
  /** Cell rate algorithm of links to nodes. */
  private beginsFullAt: Instant = 0;
  /** Links that are closed, and whose last outputs have to come out. */
  private readonly ended: Link[] = [];
  private closed = false;

  constructor(config: LinkConfig) {
    this.config = config;
    this.home = this.add(0, '', new Link(config, this.purse));
    this.errands = new Errands({
      open: (now, name) => this.open(now, name),
      candidates: (now, code) => this.candidates(now, code),
      ask: (now, node, ask) => this.ask(now, node, ask),
      cancel: (now, node, ref) => this.nest.command(now, node.link, { do: 'cancel', ref }),
      answer: (ref, response) => this.out.event({ ev: 'response', ref, response }),
      over: (node, sid) =>
        this.out.event({ ev: 'push', push: { type: 'over', sid, outcome: 'expired' }, node: node.name }),
      mayGrow: () => !this.homeName.single && !this.known.known,
    });
  }

  private get main(): NodeLink {
    return this.told ?? this.home;
  }

  get socket(): SocketId {
    return this.main.link.socket;
  }

  get atDoor(): boolean {
    return this.main.link.atDoor;
  }

  get addresses(): readonly string[] {
    return this.main.link.addresses;
  }

  get relays(): readonly RelayPlace[] {
    return this.main.link.relays;
  }

  get way(): MasterWay | null {
    return this.main.link.way;
  }

  get sources(): readonly MappingSource[] {
    return this.main.link.sources;
  }

  handleCommand(now: Instant, command: MastersCommand): void {
    switch (command.do) {
      case 'request':
        this.request(now, command);
        break;
      case 'cancel':
        this.errands.cancel(command.ref);
        for (const { link } of this.all()) this.nest.command(now, link, command);
        break;
      case 'stand':
        this.standing = command.code;
        break;
      case 'start':
      case 'addresses':
        this.nest.command(now, this.home.link, command);
        break;
      case 'close':
        this.closed = true;
        for (const { link } of this.all()) this.nest.command(now, link, command);
        break;
      default:
        if (command.do === 'hold') this.hold = command;
        for (const { link } of this.all()) this.nest.command(now, link, command);
    }
    this.settle(now);
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    if (!this.nest.socket(now, socket, outcome)) this.home.link.handleSocket(now, socket, outcome);
    this.settle(now);
  }

  /** Of sockets that are not ours, too: each link knows its own session. */
  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (bytes[0] !== WIRE.control) this.nest.datagram(now, socket, from, bytes);
    else for (const { link } of this.all()) this.nest.datagramTo(now, link, socket, from, bytes);
    this.settle(now);
  }

  handleTimeout(now: Instant): void {
    this.nest.timeout(now);
    this.settle(now);
  }

  poll(): Output<MastersEvent> {
    if (!this.out.idle) return this.out.next(NEVER);
    return this.out.next(Math.min(this.nest.next(), this.dueAt()));
  }

  /** Of what `settle` does: nothing once it is closed, and of the nodes nothing before it is known which of them is ours. */
  private dueAt(): Instant {
    if (this.closed) return NEVER;
    return Math.min(this.errands.next(), this.looksAfterNodes ? this.wakeAt : NEVER);
  }

  private get looksAfterNodes(): boolean {
    return this.known.known && !this.homeName.asked;
  }

  private all(): readonly NodeLink[] {
    return this.nodes.size === 0 ? [this.home] : [this.home, ...this.nodes.values()];
  }

  private add(now: Instant, name: string, link: Link): NodeLink {
    const node = new NodeLink(now, name, link);
    this.nest.add(link, (at, event) => this.heard(at, node, event));
    return node;
  }

  private settle(now: Instant): void {
    this.nest.pump(now);
    if (this.closed) return;
    this.errands.work(now);
    if (this.looksAfterNodes) this.work(now);
    this.nest.pump(now);
    for (const link of this.ended.splice(0)) this.nest.remove(link);
  }

  // ── where a request goes ──────────────────────────────────────────────────────────────────────────────────────────

  private request(now: Instant, command: Ask & { readonly at?: Destination }): void {
    const { at, ...ask } = command;
    if (at !== undefined && 'node' in at) {
      const node = at.node === '' ? this.home : this.nodes.get(at.node);
      if (node !== undefined) this.ask(now, node, ask);
      else this.out.event({ ev: 'response', ref: ask.ref, response: UNREACHABLE });
    } else if (at !== undefined && !this.homeName.single) this.errands.begin(now, ask, at.code);
    else this.ask(now, this.boundTo(ask) ?? this.main, ask);
  }

  private boundTo({ request }: Ask): NodeLink | null {
    return this.known.known && 'sid' in request ? this.errands.nodeOf(request.sid) : null;
  }

  private ask(now: Instant, node: NodeLink, ask: Ask): void {
    // A join outlives the session with the node that it went by: what is still to be said of it reaches nobody.
    if (node !== this.home && this.nodes.get(node.name) !== node) {
      this.out.event({ ev: 'response', ref: ask.ref, response: UNREACHABLE });
      return;
    }
    node.usedAt = now;
    this.nest.command(now, node.link, ask);
  }

  /** The first two are as good as each other: one that answers is taken before one that has yet to be called. */
  private candidates(now: Instant, code: string): readonly NodeCandidate[] {
    if (!this.known.known) return [{ name: '', rank: 0 }];
    const names = this.known.candidates(now, code).map((name) => (name === this.homeName.name ? '' : name));
    const ranked = names.map((name, at) => {
      const node = this.find(name);
      const doubtful = node !== null && (node.isDoubtful || node.state?.state === 'lost');
      const ready = node?.isUp === true;
      return { name, rank: (doubtful ? 2 * names.length : 0) + (ready && at < FLEET_LIMITS.standing ? 0 : at + 1) };
    });
    return ranked.sort((left, right) => left.rank - right.rank);
  }

  private find(name: string): NodeLink | null {
    return name === '' ? this.home : (this.nodes.get(name) ?? null);
  }

  /** The link to this node, begun where there is none; null where that is not its turn, or nobody knows the node. */
  private open(now: Instant, name: string): NodeLink | null {
    const found = this.find(name);
    if (found !== null) {
      found.leftAt = NEVER;
      return found;
    }
    const place = this.known.place(name);
    const begins = allowAt(this.beginsFullAt, now, LINK_LIMITS.nodeBegins);
    if (place === null || begins === null || this.nodes.size >= LINK_LIMITS.nodeLinksMax) return null;
    this.beginsFullAt = begins;
    const { furtherPort: _none, tunnel: _neither, ...master } = this.config.master;
    const further = place.furtherPort === 0 ? {} : { furtherPort: place.furtherPort };
    const at = { ...master, addresses: place.addresses, port: place.port, ...further };
    const node = this.add(now, name, new Link({ ...this.config, master: at }, this.purse));
    this.nodes.set(name, node);
    this.nest.command(now, node.link, this.hold);
    this.nest.command(now, node.link, { do: 'start' });
    return node;
  }

  // ── what is heard ─────────────────────────────────────────────────────────────────────────────────────────────────

  private heard(now: Instant, node: NodeLink, event: LinkEvent): void {
    switch (event.ev) {
      case 'state':
        this.changed(now, node, event);
        break;
      case 'serial':
        this.numbered(now, node, event.serial);
        break;
      case 'response':
        this.responded(now, node, event.ref, event.response);
        break;
      case 'push':
        this.pushed(now, node, event.push);
        break;
      case 'log':
        this.out.event(event);
        break;
      default:
        if (node === this.main) this.out.event(event);
    }
  }

  private changed(now: Instant, node: NodeLink, state: State): void {
    node.told(state);
    if (state.state === 'up') {
      this.errands.up(now, node);
      // Of several the master of the link is ours, because the others come and go with what is asked of them.
      const { told } = this;
      if (told === null || told === node || node === this.home || told.isDoubtful) this.tell(node, state);
    } else {
      if (this.told === node) this.tellAnother(state);
      else if (this.told === null && node === this.home) this.out.event(state);
      if (state.state === 'lost') this.errands.lost(now, node);
    }
    if (node === this.home && state.state === 'up' && this.known.known) {
      this.homeName.ask();
      this.askForNodes(now, node);
    } else if (state.state !== 'connecting') {
      if (node === this.home) this.homeName.lost();
      this.out.event({ ev: 'node', node: node.name, state: state.state });
    }
  }

  /** Which node it is that the link leads to. A session that we have with it already makes room, so that a host is there only once. */
  private homeAnswered(now: Instant, name: string | null): void {
    const { asked } = this.homeName;
    this.homeName.answered(name);
    const twice = this.nodes.get(name ?? '');
    if (name !== null && twice !== undefined) {
      this.out.event({ ev: 'node', node: name, state: 'lost' });
      this.errands.move(twice, this.home);
      this.end(now, twice);
    }
    if (asked) this.out.event({ ev: 'node', node: '', state: 'up' });
  }

  private end(now: Instant, node: NodeLink): void {
    this.nodes.delete(node.name);
    this.errands.lost(now, node);
    this.nest.command(now, node.link, { do: 'close' });
    this.ended.push(node.link);
    if (this.told !== node) return;
    this.tellAnother(node.state === null ? null : { ...node.state, state: 'lost', failure: 'MASTER_UNREACHABLE' });
    if (this.told === node) this.told = null;
  }

  private tell(node: NodeLink, state: State): void {
    this.told = node;
    this.out.event(state);
  }

  /** The session that was told is gone, or about to go. */
  private tellAnother(state: State | null): void {
    const another = this.all().find((one) => one !== this.told && one.isUp && !one.isDoubtful);
    if (another?.state) this.tell(another, another.state);
    else if (state !== null) {
      this.told = null;
      this.out.event(state);
    }
  }

  private numbered(now: Instant, node: NodeLink, serial: number): void {
    if (node === this.home) this.homeName.numbered(serial, this.known.known);
    const nameless = node === this.home && this.homeName.name === null;
    const isNews = serial > this.known.serial && serial !== node.listTold;
    if (isNews || (serial > 0 && nameless)) this.askForNodes(now, node);
  }

  private askForNodes(now: Instant, node: NodeLink): void {
    if (node.listAsked) return;
    node.listAsked = true;
    this.ask(now, node, { do: 'request', ref: NODES_REF, request: { type: 'nodes' }, socket: null });
  }

  private responded(now: Instant, node: NodeLink, ref: number, response: Response): void {
    if (response.type !== 'failed' || response.failure !== 'MASTER_UNREACHABLE') node.heard();
    if (ref === NODES_REF) {
      node.listAsked = false;
      if (node === this.home) this.homeAnswered(now, response.type === 'nodes' ? response.self : null);
      if (response.type !== 'nodes') return;
      node.listTold = response.serial;
      const from = node.link.sources[0]?.target.address ?? node.link.addresses[0] ?? '';
      if (this.known.learn(now, response, from)) this.errands.grown(now);
    } else if (!this.errands.responded(now, node, ref, response)) this.out.event({ ev: 'response', ref, response });
  }

  private pushed(now: Instant, node: NodeLink, push: Push): void {
    node.heard();
    node.usedAt = now;
    if (push.type === 'going-away') {
      node.leaves();
      if (this.told === node) this.tellAnother(null);
    } else if (this.known.known) this.errands.pushed(node, push);
    this.out.event({ ev: 'push', push, node: node.name });
  }

  // ── which nodes are of use ────────────────────────────────────────────────────────────────────────────────────────

  private work(now: Instant): void {
    this.wakeAt = NEVER;
    const wanted = this.wanted(now);
    for (const name of wanted)
      if (this.open(now, name) === null) this.wakeAt = Math.min(this.wakeAt, now + LINK_LIMITS.nodePatienceMs);
    for (const node of [...this.nodes.values()]) if (!wanted.has(node.name)) this.letGo(now, node);
  }

  /** The nodes of the host that is here, under each list that counts; and one to turn to where the master of the link goes. */
  private wanted(now: Instant): ReadonlySet<string> {
    const wanted = new Set<string>();
    const orders = this.standing === null ? [] : this.known.orders(now, this.standing);
    for (const order of orders) this.walk(now, order, FLEET_LIMITS.standing, wanted);
    if (!this.usable(now, this.home) || !this.home.isUp) {
      const own = this.known.orders(now, toHex(this.config.identity.publicKey))[0] ?? [];
      this.walk(
        now,
        own.filter((name) => name !== this.homeName.name),
        1,
        wanted,
      );
    }
    return wanted;
  }

  /** Down the order until so many are there, or may be in a moment. */
  private walk(now: Instant, order: readonly string[], count: number, into: Set<string>): void {
    let left = count;
    for (const name of order) {
      if (left === 0) return;
      const isHome = name === this.homeName.name;
      const node = isHome ? this.home : (this.nodes.get(name) ?? null);
      if (!isHome) into.add(name);
      if (node === null || this.usable(now, node)) left--;
    }
  }

  private usable(now: Instant, node: NodeLink): boolean {
    if (node.isDoubtful) return false;
    if (node.isUp) return true;
    const until = node.openedAt + LINK_LIMITS.nodePatienceMs;
    if (node.state?.state === 'lost' || now >= until) return false;
    this.wakeAt = Math.min(this.wakeAt, until);
    return true;
  }

  /** A host says goodbye first; who only joins there stays for a while, because friends come back. */
  private letGo(now: Instant, node: NodeLink): void {
    if (node.leftAt === NEVER) {
      if (this.standing === null && now < node.usedAt + LINK_LIMITS.nodeIdleMs) {
        this.wakeAt = Math.min(this.wakeAt, node.usedAt + LINK_LIMITS.nodeIdleMs);
        return;
      }
      node.leftAt = now + LINK_LIMITS.nodeLeaveMs;
      this.out.event({ ev: 'node', node: node.name, state: 'left' });
    }
    if (now < node.leftAt || this.errands.uses(node)) {
      this.wakeAt = Math.min(this.wakeAt, Math.max(node.leftAt, now + LINK_LIMITS.nodeLeaveMs));
      return;
    }
    this.end(now, node);
  }
}
