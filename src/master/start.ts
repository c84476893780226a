/** The masterserver for real: files, ports, machine and HTTP, put together. It prints nothing; it returns and reports facts. */

import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import {
  createMaster,
  type Endpoint,
  familyOf,
  isLoopback,
  isPrivate,
  type KeyPair,
  MASTER_LIMITS,
  type MasterCommand,
  type MasterCounters,
  type TableState,
} from '../core/index.ts';
import {
  BUILD,
  type Driver,
  deriveCode,
  drive,
  localAddresses,
  monotonicNow,
  nativeUdp,
  nodeCrypto,
  type OpenTunnel,
  type OpenUdpSocket,
  openUdpSocket,
  quickenCrypto,
  readWebApp,
  stateDirectory,
  systemRandom,
} from '../node/index.ts';
import { readDownloads } from './downloads.ts';
import type { Fleet, FleetFact } from './fleet.ts';
import { officeFleet } from './fleet-office.ts';
import { checkFleetOptions, type FleetOptions, fleetSecret, whileTheyMove } from './fleet-options.ts';
import type { CodeGuesses } from './http-list.ts';
import { SERVER_LIMITS } from './limits.ts';
import { createLog, type Logger } from './log.ts';
import { createOffice, type Office } from './office.ts';
import { type OfficialFolder, readOfficialFolder, resolveOfficial } from './official.ts';
import { checkOptions, PORT } from './options.ts';
import { bindError, boundAt, linkOf, pageOf, portsOf, relayBoundAt } from './ports.ts';
import { type ProbeWorkers, startProbeWorkers } from './probes.ts';
import type { RelayThread } from './relay-thread.ts';
import { checkRelayOptions, type RelayOptions, relaysOf, startOwnRelay } from './relays.ts';
import { type Closers, createFront, type Front, httpsPlace, startHttp, startMetrics } from './serve-http.ts';
import { forgetToken, identityIn, keepToken, lockState } from './state-folder.ts';
import { openStore } from './store.ts';
import { startStun } from './stun.ts';
import { startTester, type TesterOptions } from './test-join.ts';
import type { WebhookConfig, WebhookOptions } from './webhooks.ts';

export interface MasterOptions {
  /** IP addresses to bind. None: the best address of this computer. A second one makes filtering tests possible. */
  readonly listen?: readonly string[];
  /** Addresses that participants reach them under, where a 1:1 NAT stands before this computer. Same order. */
  readonly advertise?: readonly string[];
  /** 25 UDP ports from here on, or with `onePort` this one. */
  readonly port?: number;
  /** One UDP port does it all: for port 443, for a port mapping, for Docker. Detection then learns less. */
  readonly onePort?: boolean;
  /** Everything on this UDP port too, beside the others. */
  readonly alsoPort?: number;
  /** STUN for clients of other makes, here and with two addresses also one port further; null for none, the default. */
  readonly stunPort?: number | null;
  /** `ADDRESS:PORT`, or null for none. */
  readonly http?: string | null;
  readonly metrics?: string | null;
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  /** `HOST` or `HOST:PORT` where others reach the page by HTTPS, for networks without UDP; null for nowhere. Left out: where `tls` is. */
  readonly https?: string | null;
  /** Addresses or networks of proxies whose X-Forwarded-For is believed; this computer's always is. */
  readonly trustedProxies?: readonly string[];
  /** Names of this computer: the first stands in the links, and the admin page may be opened under all of them. */
  readonly domains?: readonly string[];
  readonly stateDir?: string;
  /** Configuration folder of the official servers. */
  readonly official?: string | null;
  readonly webhooks?: readonly WebhookConfig[];
  readonly contact?: string | null;
  /** A folder with the program for visitors' systems, or an address of the web where it is. */
  readonly downloads?: string | null;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly onFact?: (fact: MasterFact) => void;
  /** Null: the master joins nobody itself, and no host is called verified. */
  readonly testJoins?: TesterOptions['timing'] | null;
  /** Threads for the probe ports; 0 = the main thread has them. More than one needs Node 22.12. */
  readonly probeWorkers?: number;
  /** UDP by the optional package udx-native: a third less CPU time for each datagram. */
  readonly nativeUdp?: boolean;
  readonly webhookTiming?: WebhookOptions['timing'];
  /** A relay of its own, on one further port and a thread of its own; null or left out: none. */
  readonly relay?: RelayOptions | null;
  /** Relays elsewhere (`NAME,REGION,ADDRESS:PORT`) that have the same secret. */
  readonly relaysAt?: readonly string[];
  /** Where that is; made where there is none. In the state folder where absent. */
  readonly relaySecretFile?: string;
  /** A node of a fleet; null or left out: a master by itself, and nothing of it is loaded. */
  readonly fleet?: FleetOptions | null;
}

/** What an operator should know; text is made by the command. */
export type MasterFact =
  | { readonly fact: 'identity'; readonly file: string; readonly created: boolean }
  | { readonly fact: 'admin-token'; readonly file: string }
  /** The admin's page stays closed for this run. */
  | { readonly fact: 'token-problem'; readonly file: string; readonly detail: string }
  /** Another master could use the same folder unnoticed. */
  | { readonly fact: 'unlocked'; readonly detail: string }
  | { readonly fact: 'no-second-address'; readonly onePort: boolean }
  | { readonly fact: 'private-address'; readonly address: string }
  | { readonly fact: 'store-problem'; readonly problem: string }
  | { readonly fact: 'official-problem'; readonly errors: readonly string[] }
  | { readonly fact: 'metrics-problem'; readonly detail: string }
  | FleetFact
  /** It was made, and the other nodes need the same. */
  | { readonly fact: 'fleet-secret'; readonly file: string }
  /** An operator has taken this node out: whoever runs it drains it and ends it. */
  | { readonly fact: 'fleet-drain' }
  | { readonly fact: 'fault'; readonly detail: string };

export interface RunningMaster {
  readonly link: string;
  /** Where the page is, null where HTTP is off. */
  readonly http: string | null;
  readonly metrics: string | null;
  /** Every UDP port that is bound. */
  readonly endpoints: readonly Endpoint[];
  readonly version: string;
  /** Says good-bye to everybody, waits until they are told (at most 30 s), then closes. */
  drain(): Promise<void>;
  /** Every table that strangers can fill, and how full it is. */
  tables(): readonly TableState[];
  /** Reads the folders of the official servers and of the downloads again. */
  reload(): void;
  close(): Promise<void>;
}

/** What the office needs of the machine, once there is one. */
interface MachineAtWork {
  command(command: MasterCommand): void;
  counters(): MasterCounters;
  silentMs(hostKey: Uint8Array): number | null;
  readonly codes: CodeGuesses;
  tables(): readonly TableState[];
}

export async function startMaster(options: MasterOptions = {}): Promise<RunningMaster> {
  checkOptions(options);
  checkRelayOptions(options);
  checkFleetOptions(options);
  const tell = options.onFact ?? (() => {});
  const stateDir = options.stateDir ?? stateDirectory();
  const lock = lockState(stateDir, tell);
  try {
    return await startLocked(options, stateDir, tell, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(
  options: MasterOptions,
  stateDir: string,
  tell: (fact: MasterFact) => void,
  unlock: () => void,
): Promise<RunningMaster> {
  const listen = listenAddresses(options, tell);
  const { identity, created } = identityIn(stateDir, tell);
  const host = options.domains?.[0] ?? options.advertise?.[0] ?? listen[0] ?? '127.0.0.1';
  let link = linkOf(options, host, identity.publicKey, null);
  let page = '';
  let downloads = readDownloads(options.downloads ?? null);

  const log = createLog(options.logLevel ?? 'info', process.stderr);
  const onProblem = (problem: string): void => {
    log.error({}, problem);
    tell({ fact: 'store-problem', problem });
  };
  // A node of a fleet starts first with the key of another; what a store that is gone held the others tell.
  const expected = !created && !options.fleet;
  const store = openStore({ file: join(stateDir, 'master.db'), onProblem, expected });
  const early: MasterCommand[] = [];
  let running: MachineAtWork | null = null;
  let relay: RelayThread | null = null;
  let fleet: Fleet | null = null;
  const front = createFront(options);
  const office = createOffice({
    ...{ store, log, link: () => link, page: () => page, downloads: () => downloads },
    wallClock: Date.now,
    monotonic: monotonicNow,
    domains: options.domains ?? [],
    contact: options.contact ?? null,
    hooks: options.webhooks ?? [],
    ...(options.webhookTiming === undefined ? {} : { webhookTiming: options.webhookTiming }),
    webApp: readWebApp(),
    command: (command) => (running === null ? void early.push(command) : running.command(command)),
    counters: () => running?.counters() ?? null,
    silentMs: (hostKey) => running?.silentMs(hostKey) ?? null,
    codes: codesOf(() => running),
    onTokenUsed: () => forgetToken(stateDir),
    ...(options.fleet ? { fleet: officeFleet(() => fleet) } : {}),
    relay: () => relay,
  });
  keepToken(stateDir, office, tell);
  const closers: Closers = [unlock, () => store.close(), () => office.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const relays = relaysOf(options, stateDir);
    await quickenCrypto();
    const probes = await startProbes(options, listen, log, tell);
    closers.push(() => probes?.close());
    const secret = options.fleet ? fleetSecret(stateDir, tell) : null;
    const machine = createMaster({
      ...(secret === null ? {} : { fleet: { secrets: [secret] } }),
      probesElsewhere: probes !== null,
      ...{ crypto: nodeCrypto, random: systemRandom, wallClock: Date.now, identity, policy: office.policy },
      addresses: listen,
      advertised: options.advertise ?? null,
      ...portsOf(options),
      ...(relays === undefined ? {} : { relays }),
      tunnel: options.http !== null,
      page: () => page,
    });
    const ours = options.nativeUdp === true ? await nativeUdp() : openUdpSocket;
    const openSocket = front.relayWays.beside(ours, [
      options.onePort ? portsOf(options).port : undefined,
      options.alsoPort,
    ]);
    const udp = openPorts({ machine, office, probes, log, tell, openSocket, openTunnel: front.tunnels.open });
    closers.push(udp.close);
    running = runningOf({ machine, probes, relay: () => relay, office, front, command: udp.command });
    udp.command({ do: 'start' });
    for (const command of early) udp.command(command);
    store.lendCodes((code) => machine.keyOfCode(code));
    const doors = await udp.listening;
    if (secret !== null) {
      const { command } = udp;
      const counters = (): MasterCounters => machine.counters();
      const { startNode } = await import('./fleet-start.ts');
      fleet = await startNode({ options, listen, secret, identity, office, store, counters, command, tell });
    }
    closers.push(() => fleet?.close());
    const onFault = (error: Error): void => {
      log.fatal({ error: error.message }, 'the relay met a fault');
      tell({ fact: 'fault', detail: error.message });
    };
    relay = await startOwnRelay({
      ...{ options, listen, identity, relays, rules: office.relayRules(), onFault, onSend: front.relayWays.sent },
    });
    if (relay !== null) front.relayWays.serve(relay);
    closers.push(() => relay?.close());
    const endpoints = [
      ...doors.flatMap((door) => boundAt(door, options)),
      ...(relay === null ? [] : relayBoundAt(options, listen)),
    ];
    const stun =
      options.stunPort === undefined || options.stunPort === null ? null : startStun(listen, options.stunPort);
    closers.push(() => stun?.close());
    const reload = startOfficial(options.official ?? null, office, log, tell);
    closers.push(reload.stop);
    const http = await startHttp(options, office, front, closers);
    link = linkOf(options, host, identity.publicKey, httpsPlace(options, host, http));
    page = pageOf(options, host, http);
    const metrics = await startMetrics(options.metrics, office, closers, tell);
    closers.push(testJoins(options, office, identity, listen));
    office.setReady(true);
    const drain = async (): Promise<void> => {
      office.drain();
      await Promise.all([udp.drain(SERVER_LIMITS.drainMs), whileTheyMove(fleet)]);
      await closeAll();
    };
    const { tables } = running;
    const readAnew = (): void => {
      reload.now();
      try {
        downloads = readDownloads(options.downloads ?? null);
      } catch (error) {
        log.error({ error: (error as Error).message }, 'the downloads stay as they were');
      }
    };
    return { link, http, metrics, endpoints, version: BUILD.version, drain, tables, reload: readAnew, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** The machine at work, as the office sees it. */
function runningOf(parts: {
  readonly machine: ReturnType<typeof createMaster>;
  readonly probes: ProbeWorkers | null;
  readonly relay: () => RelayThread | null;
  readonly office: Office;
  readonly front: Front;
  readonly command: (command: MasterCommand) => void;
}): MachineAtWork {
  const { machine, probes, relay, office, front, command } = parts;
  return {
    command,
    counters: () => probes?.counters(machine.counters()) ?? machine.counters(),
    silentMs(hostKey) {
      const at = machine.lastSeen(hostKey);
      return at === null ? null : Math.max(0, Math.round(monotonicNow() - at));
    },
    codes: {
      waitMs: (address) => machine.codeWaitMs(monotonicNow(), address),
      wrong: (address) => machine.wrongCode(monotonicNow(), address),
    },
    tables: () => [...machine.tables(), ...office.tables(), ...front.tables(), ...(relay()?.figures().tables ?? [])],
  };
}

/** The office is there before the machine is. */
function codesOf(running: () => MachineAtWork | null): CodeGuesses {
  return {
    waitMs: (address) => running()?.codes.waitMs(address) ?? 0,
    wrong: (address) => running()?.codes.wrong(address),
  };
}

/** The address that others can most likely reach: a public one before a private one, IPv4 before IPv6. */
function listenAddresses(
  { listen = [], onePort = false }: MasterOptions,
  tell: (fact: MasterFact) => void,
): readonly string[] {
  if (listen.length < 2) tell({ fact: 'no-second-address', onePort });
  if (listen.length > 0) return listen;
  const ours = localAddresses().filter((address) => !/^(fe80|169\.254\.)/i.test(address));
  const isInside = (address: string): boolean => isPrivate(address) || isLoopback(address);
  const rank = (address: string): number => Number(isInside(address)) * 2 + Number(isIPv6(address));
  const best = [...ours].sort((left, right) => rank(left) - rank(right))[0] ?? '127.0.0.1';
  if (isInside(best)) tell({ fact: 'private-address', address: best });
  return [best];
}

function openPorts(parts: {
  readonly machine: ReturnType<typeof createMaster>;
  readonly office: Office;
  readonly probes: ProbeWorkers | null;
  readonly log: Logger;
  readonly tell: (fact: MasterFact) => void;
  readonly openSocket: OpenUdpSocket;
  readonly openTunnel: OpenTunnel;
}) {
  const { machine, office, probes, log, tell, openSocket, openTunnel } = parts;
  let bound = (_endpoints: readonly Endpoint[]): void => {};
  let failed = (_error: Error): void => {};
  let drained = (): void => {};
  const listening = new Promise<readonly Endpoint[]>((resolve, reject) => {
    bound = resolve;
    failed = reject;
  });
  const driver: Driver<MasterCommand> = drive(machine, {
    countErrors: false,
    openTunnel,
    openSocket,
    onEvent(event) {
      probes?.event(event);
      office.event(event);
      if (event.ev === 'listening') bound(event.endpoints);
      else if (event.ev === 'bind-failed') failed(bindError(event.endpoint, event.code));
      else if (event.ev === 'drained') drained();
      else if (event.ev === 'derive') derive(event.key);
    },
    onFault(error) {
      // The introductions have stopped: whoever watches `/readyz` or the process should start us anew.
      log.fatal({ error: error.message, stack: error.stack }, 'the master machine met a fault');
      office.setReady(false);
      tell({ fact: 'fault', detail: error.message });
      failed(error);
    },
  });
  probes?.tells(driver.command);
  function derive(key: Uint8Array): void {
    deriveCode(key).then(
      (code) => driver.command({ do: 'derived', key, code }),
      (error: Error) => {
        log.warn({ error: error.message }, 'a join code could not be derived: tried again');
        setTimeout(() => derive(key), MASTER_LIMITS.contestRestMs).unref();
      },
    );
  }
  return {
    command: driver.command,
    listening,
    async drain(limitMs: number): Promise<void> {
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, limitMs);
        drained = () => {
          clearTimeout(limit);
          resolve();
        };
        driver.command({ do: 'drain', afterMs: 0 });
      });
    },
    close() {
      driver.command({ do: 'close' });
      driver.dispose();
    },
  };
}

async function startProbes(
  options: MasterOptions,
  addresses: readonly string[],
  log: Logger,
  tell: (fact: MasterFact) => void,
): Promise<ProbeWorkers | null> {
  const workers = options.probeWorkers ?? 0;
  if (workers === 0) return null;
  const onFault = (error: Error): void => {
    log.fatal({ error: error.message }, 'a probe worker met a fault');
    tell({ fact: 'fault', detail: error.message });
  };
  return startProbeWorkers({ addresses, port: options.port ?? PORT, workers, onFault });
}

function startOfficial(folder: string | null, office: Office, log: Logger, tell: (fact: MasterFact) => void) {
  let current: OfficialFolder = { servers: [], reservedNames: [], errors: [] };
  const resolve = async (): Promise<void> => {
    const servers = await resolveOfficial(current.servers);
    office.official({ ...current, servers });
  };
  const now = (): void => {
    if (folder === null) return;
    const read = readOfficialFolder(folder);
    if (read.errors.length > 0) {
      // What held before holds on: a typing error must not take the official servers off the list.
      for (const error of read.errors) log.error({}, error);
      tell({ fact: 'official-problem', errors: read.errors });
      if (current.servers.length > 0) return;
    }
    current = read;
    office.official(current);
    void resolve();
  };
  now();
  const timer = setInterval(() => void resolve(), SERVER_LIMITS.officialResolveMs);
  timer.unref();
  return { now, stop: () => clearInterval(timer) };
}

/** Behind a 1:1 NAT the master sees itself under an address that nobody outside can reach: it can't stand for a client. */
function testJoins(options: MasterOptions, office: Office, identity: KeyPair, listen: readonly string[]): () => void {
  const address = listen[0];
  if (options.testJoins === null || options.advertise !== undefined || address === undefined) return () => {};
  const tester = startTester({
    ...{ identity, now: monotonicNow, family: familyOf(address) },
    master: { key: identity.publicKey, addresses: [address], port: options.port ?? PORT },
    hosts: office.directory.ours,
    onResult: office.tested,
    ...(options.testJoins === undefined ? {} : { timing: options.testJoins }),
  });
  return tester.stop;
}
