/** A masterserver and hosts in this process, on real sockets of loopback, for the tests of the masterserver. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createPeer,
  type HostAnnouncement,
  type KeyPair,
  type PeerCommand,
  type PeerEvent,
  parseMasterLink,
} from '../../src/core/index.ts';
import { type MasterFact, type MasterOptions, type RunningMaster, startMaster } from '../../src/master/index.ts';
import { type Driver, deriveCode, drive, nodeCrypto, systemRandom, tunnelTo } from '../../src/node/index.ts';

export interface Guest {
  readonly identity: KeyPair;
  readonly events: PeerEvent[];
  command(command: PeerCommand): void;
  /** The first event of this kind, already there or still to come. */
  until<E extends PeerEvent['ev']>(ev: E, timeoutMs?: number): Promise<PeerEvent & { readonly ev: E }>;
  stop(): void;
}

export class MasterBench {
  readonly facts: MasterFact[] = [];
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  readonly stateDir = mkdtempSync(join(tmpdir(), 'sallyport-master-'));

  async start(options: MasterOptions): Promise<RunningMaster> {
    const master = await startMaster({
      ...{ http: '127.0.0.1:0', metrics: '127.0.0.1:0', stateDir: this.stateDir, logLevel: 'silent' },
      onFact: (fact) => this.facts.push(fact),
      ...options,
    });
    let open = true;
    this.#cleanups.push(async () => {
      if (open) await master.close();
    });
    const once = async (end: () => Promise<void>): Promise<void> => {
      open = false;
      await end();
    };
    return { ...master, close: () => once(master.close), drain: () => once(master.drain) };
  }

  guest(link: string, identity = nodeCrypto.keyPair()): Guest {
    const parsed = parseMasterLink(link);
    if ('problem' in parsed) throw new Error(parsed.problem);
    const events: PeerEvent[] = [];
    const waiting = new Set<() => void>();
    const peer = createPeer({
      ...{ identity, stun: [], crypto: nodeCrypto, random: systemRandom, wallClock: Date.now, family: 4 },
      master: { key: parsed.key, addresses: [parsed.host], port: parsed.port, tunnel: parsed.tls !== undefined },
    });
    const driver: Driver<PeerCommand> = drive(peer, {
      ...(parsed.tls === undefined
        ? {}
        : { openTunnel: tunnelTo(parsed.tls, { address: parsed.host, port: parsed.port }) }),
      onEvent(event) {
        if (event.ev === 'derive') {
          const { key } = event;
          void deriveCode(key).then((code) => driver.command({ do: 'derived', key, code }));
        }
        events.push(event);
        for (const look of waiting) look();
      },
      onFault(error) {
        throw error;
      },
    });
    driver.command({ do: 'network', network: { addresses: [], gateway: null } });
    driver.command({ do: 'start' });
    this.#cleanups.push(() => driver.dispose());
    return {
      identity,
      events,
      command: driver.command,
      until: (ev, timeoutMs = 20_000) => untilEvent(events, waiting, ev, timeoutMs),
      stop: () => driver.dispose(),
    };
  }

  /** Files of a certificate that nobody has signed but itself. */
  certificate(): { readonly cert: string; readonly key: string } {
    const [cert, key] = [join(this.stateDir, 'cert.pem'), join(this.stateDir, 'key.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    const made = ['req', '-x509', ...curve, '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
    execFileSync('openssl', made, { stdio: 'ignore' });
    return { cert, key };
  }

  cleanup(run: () => void): void {
    this.#cleanups.push(run);
  }

  async close(): Promise<void> {
    for (const clean of this.#cleanups.splice(0).reverse()) await clean();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

function untilEvent<E extends PeerEvent['ev']>(
  events: readonly PeerEvent[],
  waiting: Set<() => void>,
  ev: E,
  timeoutMs: number,
): Promise<PeerEvent & { readonly ev: E }> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const found = events.find((event) => event.ev === ev);
      if (found === undefined) return;
      clearTimeout(timer);
      waiting.delete(look);
      resolve(found as PeerEvent & { readonly ev: E });
    };
    const timer = setTimeout(() => {
      waiting.delete(look);
      reject(new Error(`no "${ev}" within ${timeoutMs} ms; seen: ${events.map((event) => event.ev).join(' ')}`));
    }, timeoutMs);
    waiting.add(look);
    look();
  });
}

export function announcement(change: Partial<HostAnnouncement> = {}): HostAnnouncement {
  return {
    ...{ name: "Ana's world", game: 'luanti', public: true, playersMax: 8, map: 'hills', mode: 'ctf', version: '5.9' },
    passwordNeeded: false,
    ...change,
  };
}

export function hostCommand(change: Partial<HostAnnouncement> = {}, password: string | null = null): PeerCommand {
  const passwordNeeded = password !== null;
  return { do: 'host', announcement: announcement({ passwordNeeded, ...change }), password, ask: false };
}

export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | false> | T | null | false,
  timeoutMs = 20_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
