/** Turns what a person or a program writes (links, names, files) into an agent. */
import { once } from 'node:events';
import { join } from 'node:path';
import {
  addressBytes,
  createPeer,
  familyOf,
  isLoopback,
  type MasterAddress,
  type MasterLink,
  type RelayMode,
  SOURCES_LIMITS,
  type Cooling as StunRest,
} from '../core/index.ts';
import {
  defaultGateway,
  defaultGateway6,
  deriveCode,
  deviceSecret,
  guestBook,
  hostPins,
  knownFriends,
  type Lock,
  Nat64,
  networkNow,
  nodeCrypto,
  quickenCrypto,
  readDocument,
  readOrCreateKey,
  replaceKey,
  SallyportError,
  systemRandom,
  takeLock,
  writeDocument,
} from '../node/index.ts';
import { MachineAgent } from './agent.ts';
import { checkAgentOptions } from './check-options.ts';
import type { Agent, AgentNetwork } from './interface.ts';
import { AGENT_LIMITS } from './limits.ts';
import { lookUp, type Resolved } from './names.ts';
import { type StunProblem, watchStun } from './stun-watch.ts';

export interface AgentOptions {
  /** `sallyport://198.51.100.7:8430/#KEY`, as `sallyport master` prints it. */
  readonly master: string;
  /** The same master as others reach it, where that is another way than this program's: what is given out to friends has it. */
  readonly linkMaster?: string;
  /** Public STUN servers, `host:port`. They see our address and nothing else; the master alone suffices without them. */
  readonly stun?: readonly string[];
  /** What `host` and `join` have where they say nothing else: `allow` (the default), `never` or `only`. See there. */
  readonly relay?: RelayMode;
  /** The identity, made at the first use: a host with the same key keeps its join code. Without it every agent is new. */
  readonly keyFile?: string;
  /**
   * Where the keys of hosts joined by code are pinned, and the secret of this device is kept, by which hosts know their friends again.
   * Without it a code is trusted anew each time, and every agent is somebody new.
   */
  readonly stateDir?: string;
  /** What is wrong with the state folder, in words for the person. Without it Node prints it as a warning. */
  readonly onStateProblem?: (problem: string) => void;
  /** A STUN server of `stun` is of no use, each said once: its name leads nowhere, or it does not answer where others do. */
  readonly onStunProblem?: (problem: StunProblem) => void;
  /**
   * Where the name of the master has no address yet, as on a computer that has just started, it is looked up until it has one;
   * `ready` then rejects with MASTER_UNREACHABLE as where nobody answers. Without it `openAgent` does.
   */
  readonly waitForNetwork?: boolean;
  /** Where it lives; left out: in the network of this computer. */
  readonly network?: AgentNetwork;
  readonly signal?: AbortSignal;
}

export async function openAgent(options: AgentOptions): Promise<Agent> {
  const { masterLink, linkMaster, stun: servers } = checkAgentOptions(options);
  const identity = identityOf(options.keyFile);
  const { lock } = identity;
  try {
    const nat64 = new Nat64();
    // A masterserver of the own network needs no way to the Internet.
    const native = (): readonly (4 | 6)[] =>
      networkNow(addressBytes(masterLink.host) === null ? [] : [masterLink.host]).families;
    await nat64.look(native());
    const look = (): Promise<Resolved> => lookUp(masterLink.host, servers, nat64.families(native()));
    const first =
      options.waitForNetwork === true ? look() : lookFirst(masterLink, servers, nat64.families(native()), options);
    const [resolved] = await Promise.all([first, quickenCrypto()]);
    if (options.signal?.aborted) throw new SallyportError('ABORTED');
    if (resolved.master.length === 0 && options.waitForNetwork !== true)
      throw new SallyportError('MASTER_UNREACHABLE', { detail: `The name ${masterLink.host} has no address.` });
    const master = masterAt(masterLink, resolved.master);
    const { stun } = resolved;
    // With the masterserver on this very computer nobody comes through a router, so none is asked for anything.
    const here = resolved.master.length > 0 && resolved.master.every(isLoopback);
    const { network } = options;
    const unasked = here || network !== undefined;
    const findGateway = unasked ? async () => null : defaultGateway;
    const findGateway6 = unasked ? async () => null : defaultGateway6;
    const [gateway, gateway6] = await Promise.all([findGateway(), findGateway6()]);
    if (options.signal?.aborted) throw new SallyportError('ABORTED');
    const peer = () =>
      createPeer({
        master,
        identity: nodeCrypto.keyPair(identity.secret()),
        start,
        stun,
        stunRests: options.stateDir === undefined ? [] : readRests(options.stateDir),
        crypto: nodeCrypto,
        random: systemRandom,
        wallClock: () => Date.now(),
        // IPv4 is where the NATs are; IPv6 is tried beside it. Only a master without IPv4 leaves no choice.
        family: resolved.master.length > 0 && resolved.master.every((address) => familyOf(address) === 6) ? 6 : 4,
      });
    const ownKey = () => nodeCrypto.keyPair(identity.secret()).publicKey;
    const newIdentity = () => (identity.renew() ? peer() : null);
    const pins = options.stateDir === undefined ? null : hostPins(options.stateDir, options.onStateProblem);
    const friends = knownFriends(options.stateDir ?? null);
    const guests = guestBook(options.keyFile === undefined ? null : guestFile(options.keyFile));
    const start = nodeCrypto.randomBytes(16);
    const onClosed = (): void => lock?.release();
    const agent = new MachineAgent({
      ...{ machine: peer(), ownKey, newIdentity, deriveCode, onHosting: identity.keep },
      ...{ master, masterLink, linkMaster, pins, friends, guests, onClosed, nat64 },
      ...{ gateway, findGateway, gateway6, findGateway6 },
      names: { resolved, look },
      device: deviceOf(options),
      ...(network === undefined ? {} : { network }),
      relay: options.relay ?? 'allow',
    });
    // A key that is kept is a host's: its code, a tenth of a second of work, is derived while the session with the master is made.
    if (options.keyFile !== undefined)
      deriveCode(ownKey()).catch(() => {
        // Asked for again, and told, when it is needed.
      });
    const { stateDir, onStunProblem } = options;
    // Where not even the master has an address it is the network that is not there yet.
    if (onStunProblem !== undefined && resolved.master.length > 0)
      agent.on('event', watchStun(resolved.named, onStunProblem));
    if (stateDir !== undefined) {
      agent.on('event', (event) => event.ev === 'stun-rests' && keepRests(stateDir, event.rests));
    }
    return agent;
  } catch (error) {
    lock?.release();
    throw error;
  }
}

/** Nobody can do anything before the masterserver has an address; whoever does not want to wait any more has none. */
async function lookFirst(
  { host }: MasterLink,
  servers: Parameters<typeof lookUp>[1],
  families: readonly (4 | 6)[],
  { signal }: AgentOptions,
): Promise<Resolved> {
  const asked = lookUp(host, servers, families, AGENT_LIMITS.firstLookupMs);
  if (signal === undefined) return asked;
  const nothing: Resolved = { master: [], stun: [], named: [], looked: false };
  const ended = new AbortController();
  const stopped = once(signal, 'abort', { signal: ended.signal }).then(
    () => nothing,
    () => nothing,
  );
  return Promise.race([asked, signal.aborted ? nothing : stopped]).finally(() => ended.abort());
}

export interface Identity {
  readonly lock: Lock | null;
  secret(): Uint8Array;
  /** Another secret from here on; false where the present one has hosted, or may have. */
  renew(): boolean;
  /** It hosts by this code, so friends know it. */
  keep(code: string): void;
}

/**
 * Two agents with one key would take the session with the master from each other for ever, so the key is locked. Beside the key
 * stands the code under which it has hosted: a key without one is nobody's yet, and may be replaced.
 */
export function identityOf(keyFile: string | undefined): Identity {
  if (keyFile === undefined) {
    let [secret, used] = [nodeCrypto.randomBytes(32), false];
    return {
      lock: null,
      secret: () => secret,
      renew() {
        if (!used) secret = nodeCrypto.randomBytes(32);
        return !used;
      },
      keep: () => {
        used = true;
      },
    };
  }
  let { secret } = readOrCreateKey(keyFile);
  const lock = takeLock(`${keyFile}.lock`);
  if (typeof lock === 'number') {
    throw new SallyportError('ALREADY_RUNNING', {
      detail: `Process ${lock} uses the key ${keyFile} already: is this hosted twice?`,
    });
  }
  const codeFile = `${keyFile}.code`;
  return {
    lock,
    secret: () => secret,
    renew() {
      if (readDocument(codeFile) !== null) return false;
      secret = replaceKey(keyFile);
      return true;
    },
    keep(code) {
      const kept = readDocument(codeFile) as { readonly code?: unknown } | null;
      try {
        if (kept?.code !== code) writeDocument(codeFile, { v: 1, code });
      } catch {
        // On a full disk nobody is kept from hosting; it is written the next time.
      }
    },
  };
}

/** Beside the key: friends and bans of a host belong to it, as its friends have another key at each host. */
function guestFile(keyFile: string): string {
  return `${keyFile.replace(/\.key$/, '')}.guests.json`;
}

/** Made, or read, with the first join. */
function deviceOf({
  stateDir,
  onStateProblem = (problem) => process.emitWarning(problem),
}: AgentOptions): () => Uint8Array {
  let secret: Uint8Array | null = null;
  return () => {
    secret ??= stateDir === undefined ? nodeCrypto.randomBytes(32) : deviceSecret(stateDir, onStateProblem);
    return secret;
  };
}

export function masterAt(link: MasterLink, addresses: readonly string[]): MasterAddress {
  return {
    ...{ key: link.key, port: link.port, addresses, tunnel: link.tls !== undefined },
    ...(link.udp === undefined ? {} : { furtherPort: link.udp }),
  };
}

const RESTS_FILE = 'stun-rests.json';

/** Servers asked a moment ago rest across the end of the program too (docs/seed.md S3). On disk the rests end by the wall clock. */
function readRests(stateDir: string): readonly StunRest[] {
  const document = readDocument(join(stateDir, RESTS_FILE)) as { readonly rests?: unknown } | null;
  if (!Array.isArray(document?.rests)) return [];
  return document.rests.slice(0, SOURCES_LIMITS.stunServersMax).flatMap((rest) => {
    const { server, until } = (rest ?? {}) as { readonly server?: unknown; readonly until?: unknown };
    return typeof server === 'string' && typeof until === 'number' ? [{ server, forMs: until - Date.now() }] : [];
  });
}

function keepRests(stateDir: string, rests: readonly StunRest[]): void {
  try {
    const until = rests.map(({ server, forMs }) => ({ server, until: Math.round(Date.now() + forMs) }));
    writeDocument(join(stateDir, RESTS_FILE), { v: 1, rests: until });
  } catch {
    // A full disk only means that a server is asked again somewhat early.
  }
}
