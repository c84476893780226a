/** The real master machine on a public server of a simulated internet, with a store that survives its restarts. */

import {
  createMaster,
  type Endpoint,
  endpointKey,
  type HostAnnouncement,
  type Instant,
  type KeyPair,
  type Machine,
  type MasterAddress,
  type MasterEvent,
  seededCrypto,
  type TicketKey,
} from '../../src/core/index.ts';
import type { MasterMachine, Push, Request, Response } from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { type Gateway, type Host, type World, weakCodes } from '../../src/sim/index.ts';
import { plainList } from '../plain-list.ts';

export interface SimMaster {
  readonly address: MasterAddress;
  readonly host: Host;
  readonly identity: KeyPair;
  /** The one that runs now. */
  readonly machine: MasterMachine;
  /** What clients have said of the end of their sessions. */
  readonly reports: readonly (MasterEvent & { readonly ev: 'report' })[];
  /** As a crash: nothing is said to anybody. */
  stop(): void;
  start(): void;
  /** Whatever tickets it has given: none counts after its next start. */
  forgetTickets(): void;
  /** Turns dishonest: the code leads to this host's key. */
  giveCodeTo(code: string, hostKey: Uint8Array): void;
  /** Turns dishonest: every join is offered to this host, whomever it is for. */
  sendJoinsTo(hostKey: Uint8Array): void;
  /** Turns dishonest: instead of a push it sends these, instead of an answer that one. */
  lie(lies: Lies): void;
  /** Turns dishonest: pushes this to everybody. */
  pushToAll(push: Push): void;
}

export interface Lies {
  push(push: Push): readonly Push[];
  response(response: Response): Response;
}

/** What a dishonest operator would change: the registry inside the very same machine. */
interface Insides {
  readonly registry: {
    keyOf(code: string): Uint8Array | null;
    find(hostKey: Uint8Array): unknown;
  };
  readonly requests: { handle(now: Instant, session: unknown, from: Endpoint, request: Request): Response };
  readonly control: { push(now: Instant, session: unknown, push: Push): boolean };
  readonly sessions: { all(): Iterable<unknown> };
}

const ADDRESSES = ['198.51.100.7', '198.51.100.8', '2001:db8:1::7'];
const PORT = 8430;

export interface MasterPlace {
  /** In a network with others; on the Internet where absent. */
  readonly behind?: Gateway;
  /** Something in front of it gives every packet this source address, as a container's engine may. */
  readonly rewrittenTo?: string;
}

export function startMaster(world: World, { behind, rewrittenTo }: MasterPlace = {}): SimMaster {
  const host =
    behind === undefined
      ? world.server({ name: 'master', addresses: ADDRESSES })
      : world.host({ name: 'master', behind });
  const { addresses } = host;
  const crypto = seededCrypto(`${world.options.seed}/master`, nodeCrypto);
  const identity = crypto.keyPair();
  const codes = new Map<string, Uint8Array>();
  let ticketKeys: readonly TicketKey[] = [];
  const reports: (MasterEvent & { readonly ev: 'report' })[] = [];
  let insides: Insides;
  let current: MasterMachine;
  const run = () => {
    const told: MasterEvent[] = [];
    const machine = weakCodes(
      createMaster({
        ...{ crypto, random: world.random('master'), identity, addresses, advertised: null, port: PORT },
        wallClock: () => 1_700_000_000_000 + world.now,
        policy: {
          announce: (_key, _from, announcement: HostAnnouncement) => announcement,
          admit: () => null,
          list: (query) => plainList(told, query),
        },
      }),
      crypto,
    );
    current = machine;
    insides = machine as unknown as Insides;
    const onEvent = (event: MasterEvent) => {
      told.push(event);
      if (event.ev === 'code') codes.set(event.code, event.hostKey);
      else if (event.ev === 'ticket-keys') ticketKeys = event.keys;
      else if (event.ev === 'report') reports.push(event);
    };
    const seen = rewrittenTo === undefined ? machine : behindProxy(machine, rewrittenTo);
    const running = host.run(seen, { onEvent });
    running.command({ do: 'remember', codes: [...codes].map(([code, hostKey]) => ({ code, hostKey })), ticketKeys });
    running.command({ do: 'start' });
    return running;
  };
  let running = run();
  return {
    ...{ host, identity, reports, address: { key: identity.publicKey, addresses, port: PORT } },
    get machine() {
      return current;
    },
    stop: () => running.stop(),
    start: () => {
      running = run();
    },
    forgetTickets: () => {
      ticketKeys = [];
    },
    giveCodeTo(code, hostKey) {
      const { registry } = insides;
      const honest = registry.keyOf.bind(registry);
      registry.keyOf = (asked) => (asked === code ? hostKey : honest(asked));
    },
    sendJoinsTo(hostKey) {
      const { registry } = insides;
      const honest = registry.find.bind(registry);
      registry.find = () => honest(hostKey);
    },
    lie(lies) {
      const { requests, control } = insides;
      const [answer, push] = [requests.handle.bind(requests), control.push.bind(control)];
      requests.handle = (...asked) => lies.response(answer(...asked));
      control.push = (now, session, message) =>
        lies.push(message).filter((told) => push(now, session, told)).length > 0;
    },
    pushToAll(push) {
      for (const session of insides.sessions.all()) insides.control.push(world.now, session, push);
    },
  };
}

/** Each source has a port of its own at the one address by which whatever stands in front of the master hides them all. */
function behindProxy(machine: MasterMachine, address: string): Pick<MasterMachine, keyof Machine<never, never>> {
  const shown = new Map<string, Endpoint>();
  const hidden = new Map<number, Endpoint>();
  const show = (from: Endpoint): Endpoint => {
    const known = shown.get(endpointKey(from)) ?? { address, port: 20_000 + shown.size };
    shown.set(endpointKey(from), known);
    hidden.set(known.port, from);
    return known;
  };
  return {
    handleDatagram: (now, socket, from, bytes) => machine.handleDatagram(now, socket, show(from), bytes),
    handleSocket: (now, socket, outcome) => machine.handleSocket(now, socket, outcome),
    handleTimeout: (now) => machine.handleTimeout(now),
    handleCommand: (now, command) => machine.handleCommand(now, command),
    poll() {
      const output = machine.poll();
      return output.kind === 'transmit' ? { ...output, to: hidden.get(output.to.port) ?? output.to } : output;
    },
  };
}
