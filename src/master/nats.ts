/**
 * NATS as the engine of a fleet (`--nats`): the optional package is loaded here, and nowhere else. The client's own idea of a dead server
 * is a minute late where the server hangs, so an echo of our own watches over it: one that does not come back within two
 * seconds ends the connection, and the next server is tried.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { NatsConnection } from '@nats-io/transport-node';
import { assert } from '../core/index.ts';
import { usage } from '../node/index.ts';
import type { Backplane, BackplaneListener } from './backplane.ts';
import { SERVER_LIMITS } from './limits.ts';

export interface NatsOptions {
  /** `nats://HOST:PORT`, or `tls://`; several are tried in turn. */
  readonly servers: readonly string[];
  /** A credentials file, as `nsc` makes it. */
  readonly creds?: string;
  /** A file with the seed of a user's nkey. */
  readonly nkey?: string;
  /** Of TLS: whom the server's certificate has to be signed by, and our own where it asks for one. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Package = typeof import('@nats-io/transport-node');

/** Rejects files that can't be read; nothing is connected yet. */
export async function loadNats(
  options: NatsOptions,
): Promise<(subject: string, listener: BackplaneListener) => Backplane> {
  let nats: Package;
  try {
    nats = await import('@nats-io/transport-node');
  } catch {
    throw usage(
      '--nats needs the package @nats-io/transport-node, which is not installed: npm install @nats-io/transport-node@3.3',
    );
  }
  const authenticator = [
    ...(options.creds === undefined ? [] : [nats.credsAuthenticator(readFile(options.creds, '--nats-creds'))]),
    ...(options.nkey === undefined ? [] : [nats.nkeyAuthenticator(trimmed(readFile(options.nkey, '--nats-nkey')))]),
  ];
  const { ca, cert, key } = options;
  const tls =
    ca === undefined && cert === undefined
      ? {}
      : {
          tls: {
            checkServerIdentity: (name: string, cert: PeerCertificate) => isServer(options.servers, name, cert),
            ...(ca === undefined ? {} : { ca: text(ca, '--nats-ca') }),
            ...(cert === undefined || key === undefined
              ? {}
              : { cert: text(cert, '--nats-cert'), key: text(key, '--nats-key') }),
          },
        };
  const settings = {
    ...{ servers: [...options.servers], name: 'sallyport master', ...tls },
    ...{ maxReconnectAttempts: -1, reconnectTimeWait: 250, reconnectJitter: 250, pingInterval: 5_000, maxPingOut: 2 },
    ...{ timeout: SERVER_LIMITS.natsSilentMs, ...(authenticator.length === 0 ? {} : { authenticator }) },
  };
  return (subject, listener) => new NatsBackplane(() => nats.connect(settings), subject, listener);
}

/**
 * The package asks for `localhost` wherever a server is named by its IP address, and TLS would never come up: then the certificate has to be of
 * one of the addresses that we were given.
 */
function isServer(servers: readonly string[], name: string, cert: PeerCertificate): Error | undefined {
  const wrong = checkServerIdentity(name, cert);
  const addresses = servers
    .map((server) => new URL(server).hostname.replace(/^\[|\]$/g, ''))
    .filter((one) => isIP(one) > 0);
  return addresses.some((address) => checkServerIdentity(address, cert) === undefined) ? undefined : wrong;
}

type Phase =
  | { readonly in: 'dialling' }
  | { readonly in: 'resting'; readonly retry: NodeJS.Timeout }
  | { readonly in: 'up'; readonly connection: NatsConnection }
  /** The client looks for a server itself. */
  | { readonly in: 'silent'; readonly connection: NatsConnection }
  | { readonly in: 'closed' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const NATS_PHASES = {
  dialling: {
    up: 'a server has taken us in',
    resting: 'none is to be had, or none takes us in',
    closed: 'the node ends',
  },
  resting: { dialling: 'a moment is over', closed: 'the node ends' },
  up: {
    silent: 'the connection is lost, or an echo of ours has not come back in its time',
    resting: 'the client has given up: the server refuses us',
    closed: 'the node ends',
  },
  silent: {
    up: 'an echo of ours has come back',
    resting: 'the client has given up: the server refuses us',
    closed: 'the node ends',
  },
  closed: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

class NatsBackplane implements Backplane {
  private readonly dial: () => Promise<NatsConnection>;
  private readonly listener: BackplaneListener;
  private readonly subject: string;
  private phase: Phase = { in: 'dialling' };
  private readonly watch: NodeJS.Timeout;
  /** What our own echoes are known by. */
  private readonly echo = randomBytes(8);
  private heardAt = 0;

  constructor(dial: () => Promise<NatsConnection>, subject: string, listener: BackplaneListener) {
    this.dial = dial;
    this.listener = listener;
    this.subject = subject;
    this.watch = setInterval(() => this.look(), SERVER_LIMITS.natsEchoMs);
    this.watch.unref();
    void this.connect();
  }

  get connected(): boolean {
    return this.phase.in === 'up';
  }

  publish(subject: string, bytes: Uint8Array): void {
    try {
      if (this.phase.in === 'up') this.phase.connection.publish(subject, bytes);
    } catch {
      // It is closing, or the payload is not to its liking: what was said is said again by those who compare what they know.
    }
  }

  async close(): Promise<void> {
    const { phase } = this;
    if (phase.in === 'closed') return;
    this.enter({ in: 'closed' }, 'the node ends');
    clearInterval(this.watch);
    if (phase.in === 'resting') clearTimeout(phase.retry);
    if (!('connection' in phase) || phase.connection.isClosed()) return;
    const { connection } = phase;
    // A server that hangs takes no leave.
    const late = new Promise<void>((resolve) => setTimeout(resolve, SERVER_LIMITS.natsCloseMs).unref());
    const taken = connection.flush().then(() => connection.close());
    await Promise.race([taken, late]).catch(() => {});
  }

  /** Whoever listens is told whether others are heard; `why`: in words. */
  private enter(phase: Phase, why: string): void {
    const before = this.phase;
    assert(phase.in in NATS_PHASES[before.in], `a connection to NATS goes from ${before.in} to ${phase.in}`);
    this.phase = phase;
    const [was, is] = [before.in === 'up', phase.in === 'up'];
    if (was !== is && phase.in !== 'closed') this.listener.connected(is, why);
  }

  private get isClosed(): boolean {
    return this.phase.in === 'closed';
  }

  private async connect(): Promise<void> {
    try {
      const connection = await this.dial();
      if (this.isClosed) return void connection.close();
      this.subscribe(connection);
      this.heardAt = performance.now();
      this.enter({ in: 'up', connection }, connection.getServer());
      void this.follow(connection);
    } catch (error) {
      this.rest((error as Error).message);
    }
  }

  private rest(why: string): void {
    if (this.isClosed) return;
    const retry = setTimeout(
      () => {
        this.enter({ in: 'dialling' }, '');
        void this.connect();
      },
      SERVER_LIMITS.natsRetryMs * (0.5 + Math.random()),
    );
    retry.unref();
    this.enter({ in: 'resting', retry }, why);
  }

  private subscribe(connection: NatsConnection): void {
    connection.subscribe(this.subject, {
      callback: (error, message) => {
        if (error === null) this.listener.message(message.data);
      },
    });
    connection.subscribe(this.echoSubject, {
      callback: (error) => {
        if (error !== null) return;
        this.heardAt = performance.now();
        if (this.phase.in === 'silent') this.enter({ in: 'up', connection }, connection.getServer());
      },
    });
  }

  private get echoSubject(): string {
    return `${this.subject}.echo.${this.echo.toString('hex')}`;
  }

  private async follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.silent('the connection is lost');
      else if (status.type === 'reconnect') this.heardAt = performance.now();
    }
    // Closed for good: by us, or because the server refuses us.
    this.rest('the connection is closed');
  }

  private silent(why: string): void {
    if (this.phase.in === 'up') this.enter({ in: 'silent', connection: this.phase.connection }, why);
  }

  private look(): void {
    if (!('connection' in this.phase) || this.phase.connection.isClosed()) return;
    const { connection } = this.phase;
    try {
      connection.publish(this.echoSubject);
    } catch {
      return;
    }
    if (performance.now() - this.heardAt < SERVER_LIMITS.natsSilentMs) return;
    this.heardAt = performance.now();
    this.silent('the server does not answer');
    connection.reconnect().catch(() => {});
  }
}

function readFile(path: string, flag: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw usage(`${flag} ${path} can't be read: ${(error as Error).message}.`);
  }
}

function text(path: string, flag: string): string {
  return new TextDecoder().decode(readFile(path, flag));
}

function trimmed(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(new TextDecoder().decode(bytes).trim());
}
