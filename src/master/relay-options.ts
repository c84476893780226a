/** What an operator says of relays: `--relay-quota NAME=VALUE`, `--relay-at NAME,REGION,ADDRESS:PORT`. Checked before anything is bound. */
import {
  addressBytes,
  cleanText,
  RELAY_LIMITS,
  type RelayPlace,
  type RelayQuotas,
  WIRE_LIMITS,
} from '../core/index.ts';
import { usage } from '../node/index.ts';
import { placeOf } from './options.ts';

/** As the operator names them. */
export const RELAY_QUOTAS = {
  pair: 'pairBytesPerSecond',
  total: 'totalBytesPerSecond',
  pairs: 'pairsMax',
  'address-pairs': 'pairsPerAddress',
  'network-pairs': 'pairsPerNetwork',
  'host-pairs': 'pairsPerHost',
  'address-day': 'addressBytesPerDay',
  'network-day': 'networkBytesPerDay',
  'host-day': 'hostBytesPerDay',
  'total-day': 'totalBytesPerDay',
} as const satisfies Record<string, keyof RelayQuotas>;

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const isQuota = (name: string): name is keyof typeof RELAY_QUOTAS => Object.hasOwn(RELAY_QUOTAS, name);

/** `pair=128k` is 128,000 bytes a second; a rate, a number of pairs or the bytes of a day, by the name. */
export function readQuotas(given: readonly string[]): Partial<RelayQuotas> {
  const quotas: Partial<Record<keyof RelayQuotas, number>> = {};
  for (const text of given) {
    const [, name = '', number, unit = ''] = /^([a-z-]+)=(\d{1,9})([kMGT]?)$/.exec(text) ?? [];
    const value = Number(number) * (UNITS[unit] ?? 1);
    if (!isQuota(name) || !(value > 0))
      throw usage(`--relay-quota takes NAME=VALUE, like pair=128k or host-day=24G, not "${text}".`);
    quotas[RELAY_QUOTAS[name]] = value;
  }
  const { pairsMax, pairsPerNetwork, pairsPerAddress } = { ...RELAY_LIMITS.quotas, ...quotas };
  // A table that one address can fill has no room for anybody else.
  if (pairsPerAddress > pairsMax / 2 || pairsPerNetwork > pairsMax)
    throw usage('--relay-quota: address-pairs is half of pairs at most, and network-pairs no more than pairs.');
  return quotas;
}

const OF_A_DAY = [
  'addressBytesPerDay',
  'networkBytesPerDay',
  'hostBytesPerDay',
] as const satisfies (keyof RelayQuotas)[];

/** What one of so many relays of a fleet grants: none knows what the others forward, so each forwards its part of anybody's bytes of a day. */
export function partOfQuotas(quotas: Partial<RelayQuotas>, relays: number): Partial<RelayQuotas> {
  const all = { ...RELAY_LIMITS.quotas, ...quotas };
  const parts = OF_A_DAY.map((name) => [name, Math.max(1, Math.floor(all[name] / Math.max(1, relays)))] as const);
  return { ...quotas, ...Object.fromEntries(parts) };
}

/** A relay elsewhere, as participants are told of it; several addresses of it have one port. */
export function readRelayAt(text: string): RelayPlace {
  const [name = '', region = '', ...places] = text.split(',').map((part) => part.trim());
  const ends = places.map((place) => placeOf(place, '--relay-at'));
  const [first] = ends;
  const wrong = ends.find(({ host, port }) => addressBytes(host) === null || port === 0 || port !== first?.port);
  if (name === '' || first === undefined || wrong !== undefined)
    throw usage(`--relay-at takes NAME,REGION,ADDRESS:PORT, like far,eu,198.51.100.9:8455, not "${text}".`);
  return {
    name: readRelayName(name),
    region: readRelayName(region),
    addresses: ends.map(({ host }) => host),
    port: first.port,
  };
}

/** As long as it may be, and without anything that a list would not show. */
export function readRelayName(name: string): string {
  const clean = cleanText(name, WIRE_LIMITS.relayNameBytesMax);
  if (clean !== name || new TextEncoder().encode(name).length > WIRE_LIMITS.relayNameBytesMax)
    throw usage(`The name or region of a relay has ${WIRE_LIMITS.relayNameBytesMax} bytes at most, not "${clean}".`);
  return name;
}

/** No two of one name: both ends of a pair mean a relay by it. */
export function checkRelays(list: readonly RelayPlace[]): void {
  if (list.length > WIRE_LIMITS.relaysMax) throw usage(`A master has ${WIRE_LIMITS.relaysMax} relays at most.`);
  const twice = list.find(({ name }, i) => list.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw usage(`Two relays are called "${twice.name}": give one another name.`);
}
