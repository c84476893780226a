/** The relays of a master: its own in a thread, those elsewhere by name, and the secret that all of them share. */
import { join } from 'node:path';
import type { Endpoint, KeyPair, MasterRelays, RelayPlace } from '../core/index.ts';
import { readOrCreateKey, usage } from '../node/index.ts';
import { PORT, UDP_PORTS } from './options.ts';
import { checkRelays, partOfQuotas, readQuotas, readRelayAt, readRelayName } from './relay-options.ts';
import type { RelayRule } from './relay-rules.ts';
import { type RelayThread, startRelayThread } from './relay-thread.ts';
import type { MasterOptions } from './start.ts';

export interface RelayOptions {
  /** The port behind those of the master where absent. */
  readonly port?: number;
  /** What participants are told. */
  readonly name?: string;
  readonly region?: string;
  /** `NAME=VALUE`. */
  readonly quotas?: readonly string[];
}

const NAME = 'master';
const RELAY_SECRET_FILE = 'relay.secret';

export function relayPort({ relay, port = PORT, onePort = false }: MasterOptions): number {
  return relay?.port ?? (onePort ? port : port + UDP_PORTS);
}

/** Is the relay behind the one port of the master too? Then it has no socket of its own. */
export function sharesPort(options: MasterOptions): boolean {
  return options.onePort === true && relayPort(options) === (options.port ?? PORT);
}

/** Before anything is made or bound. */
export function checkRelayOptions(options: MasterOptions): void {
  const { relay = null, port = PORT, onePort = false, alsoPort } = options;
  checkRelays(placesOf(options));
  if (relay === null) return;
  readQuotas(relay.quotas ?? []);
  const own = relayPort(options);
  const last = onePort ? port : port + UDP_PORTS - 1;
  if (own > 65_535) throw usage(`--port ${port} leaves no port for the relay: give --relay-port.`);
  if (!sharesPort(options) && ((own >= port && own <= last) || own === alsoPort))
    throw usage(`--relay-port ${own} is another port of the masterserver: give one of its own.`);
}

/** Its own is where each participant reaches the master: without an address. */
function placesOf({ relay = null, relaysAt = [], ...options }: MasterOptions): readonly RelayPlace[] {
  const own: readonly RelayPlace[] =
    relay === null
      ? []
      : [
          {
            ...{ name: readRelayName(relay.name ?? NAME), region: readRelayName(relay.region ?? '') },
            ...{ addresses: [], port: relayPort({ relay, ...options }) },
          },
        ];
  return [...own, ...relaysAt.map(readRelayAt)];
}

/** What participants are told; undefined where there is no relay at all. */
export function relaysOf(options: MasterOptions, stateDir: string): MasterRelays | undefined {
  const list = placesOf(options);
  if (list.length === 0) return undefined;
  return { secret: readOrCreateKey(options.relaySecretFile ?? join(stateDir, RELAY_SECRET_FILE)).secret, list };
}

/** Null where the master has none of its own. */
export async function startOwnRelay(parts: {
  readonly options: MasterOptions;
  readonly listen: readonly string[];
  readonly identity: KeyPair;
  readonly relays: MasterRelays | undefined;
  readonly rules: readonly RelayRule[];
  readonly onFault: (error: Error) => void;
  readonly onSend: (via: number, to: Endpoint, bytes: Uint8Array) => void;
}): Promise<RelayThread | null> {
  const { options, identity, relays, rules, onFault, onSend } = parts;
  const listen = sharesPort(options) ? [] : parts.listen;
  if (options.relay === undefined || options.relay === null || relays === undefined) return null;
  const quotas = readQuotas(options.relay.quotas ?? []);
  return startRelayThread({
    ...{ addresses: listen, port: relayPort(options), secret: relays.secret, masterKey: identity.publicKey },
    ...{
      quotas: options.fleet ? partOfQuotas(quotas, relays.list.length) : quotas,
      rules,
      nativeUdp: options.nativeUdp === true,
      onFault,
      onSend,
    },
  });
}
