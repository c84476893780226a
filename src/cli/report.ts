/**
 * The report of `sallyport check`: verdict in words first, then what was measured, then what would help. A pure function of the
 * profile; "not tested" and "tested: none" are never the same word (netbird learnt that the hard way, docs#933).
 */
import {
  type Allocator,
  addressBytes,
  endpointKey,
  isLoopback,
  isPrivate,
  type MasterLink,
  type MasterWay,
  maskAddress,
  type NatProfile,
  type NatType,
  type ProbeResult,
  type Tested,
  unmeasured,
  type Verdict,
  type WayReport,
} from '../core/index.ts';
import { ageText, routerHelp, silentText, UNMEASURED, UNMEASURED_HELP, untestedText } from './report-unknown.ts';
import { type Sentence, t } from './words/index.ts';

export interface ReportOptions {
  /** Whole external addresses instead of `203.0.113.*`. */
  readonly showIps: boolean;
  /** Round trip to the master; null where there was none. */
  readonly masterRttMs: number | null;
  /** How the master answers; null where it does not. */
  readonly masterWay: MasterWay | null;
  /** Which ways to the master pass; null where that is not known. */
  readonly ways?: WaysShown | null;
  /** How many bytes of a burst a socket takes here, where that is little; null: it suffices. */
  readonly receiveBytes?: number | null;
  /** Of the last detection. */
  readonly probes?: readonly ProbeResult[];
  /** So long the router has been asked to open a port by now; null = there was no router to ask. */
  readonly routerAskedMs: number | null;
}

/** The ways to the master, and where they lead. */
export interface WaysShown {
  readonly reports: readonly WayReport[];
  readonly link: MasterLink;
}

const WIDTH = 10;
/** So long a head may be in other languages. */
const head = (name: Sentence): string => `${t(name).padEnd(WIDTH - 1)} `;

export function reportLines(profile: NatProfile, options: ReportOptions): readonly string[] {
  const row = (name: Sentence, ...facts: readonly (string | null)[]) =>
    head(name) + facts.filter((fact) => fact !== null).join(' · ');
  const silent = silentText(options.probes ?? [], options.masterWay, (address) => shown(address, options));
  const untested = untestedText(profile, options.routerAskedMs);
  const limit = profile.quota ?? profile.portSet;
  const help = [...whatWouldHelp(profile, options), ...(options.receiveBytes ? [t(BURST_HELP)] : [])];
  return [
    row('Verdict', verdictSentence(profile, options)),
    row('UDP', udpState(profile), externalText(profile, options), ipv6Text(profile, options)),
    row('Type', typeText(profile)),
    row('Mapping', mappingText(profile), allocatorText(profile), lifetimeText(profile)),
    row('Next port', nextPortText(profile)),
    row('Filtering', t(FILTERING[profile.filtering]), poisonText(profile)),
    row('Hairpin', tested(profile.hairpin, t('yes'), t('no'))),
    row('Routers', layersText(profile), hopsText(profile)),
    row('Port map', portMapText(profile, options)),
    row('Limits', limit === null ? t('none known') : t('{quota} ports for this network', { quota: limit })),
    ...(options.ways ? [waysLine(options.ways, options)] : []),
    ...silent.map((text) => row('Silent', text)),
    ...(options.receiveBytes ? [row('Bursts', burstText(options.receiveBytes))] : []),
    row('Sure', sureText(profile, options)),
    ...(untested === null ? [] : [row('Untested', untested)]),
    ...(help.length === 0 ? [] : ['', ...help.map((line) => row('To do', line))]),
  ];
}

/** What Linux reckons for a datagram of 1,200 bytes that waits to be read. */
const WAITING_BYTES = 2_304;
const BURST_HELP =
  'For large bursts (maps, worlds) let sockets keep more: sysctl -w net.core.rmem_max=4194304 (Linux, as root).';

function burstText(bytes: number): string {
  const datagrams = Math.floor(bytes / WAITING_BYTES / 10) * 10;
  return t('the system keeps about {datagrams} large datagrams until they are read; more at once are lost', {
    datagrams,
  });
}

/** `Ways      UDP 8430 no answer · UDP 443 no answer · TLS ms.example.org works, 62 ms` */
function waysLine({ reports, link }: WaysShown, options: Pick<ReportOptions, 'showIps'>): string {
  const host =
    link.tls === undefined || addressBytes(link.tls.host) === null ? link.tls?.host : shown(link.tls.host, options);
  const names: Readonly<Record<MasterWay, string>> = {
    udp: `UDP ${link.port}`,
    further: `UDP ${link.udp ?? ''}`,
    tls: `TLS ${host ?? ''}${link.tls === undefined || link.tls.port === 443 ? '' : `:${link.tls.port}`}`,
  };
  const facts = reports.map(({ way, answeredMs }) =>
    answeredMs === null
      ? t('{way} no answer', { way: names[way] })
      : t('{way} works, {ms} ms', { way: names[way], ms: Math.round(answeredMs) }),
  );
  const only = reports.length === 1 ? [t('the master link names no other way')] : [];
  return head('Ways') + [...facts, ...only].join(' · ');
}

/** Each probe's result (docs/seed.md S30): who was asked, from which local port, and what it saw. */
export function probeLines(probes: readonly ProbeResult[], options: Pick<ReportOptions, 'showIps'>): readonly string[] {
  return probes.map(({ destination, localPort, seenAs }) => {
    const result =
      seenAs === null ? t('no answer') : endpointKey({ ...seenAs, address: shown(seenAs.address, options) });
    return `${head('Probe')}${t('{destination} from port {localPort}', { destination: endpointKey(destination), localPort })} → ${result}`;
  });
}

function verdictSentence(profile: NatProfile, options: ReportOptions): string {
  if (profile.type === 'blocked')
    return through(profile, t('Strict: no UDP answer comes back, so no direct connection is possible from here.'));
  const missing = unmeasured(profile, options.masterWay, options.probes ?? []);
  if (missing !== null && missing !== 'not-now') return t(UNMEASURED[missing]);
  const before =
    missing === null
      ? ''
      : ` ${t('(measured {age} ago; the masterserver does not answer now)', { age: ageText(profile) })}`;
  return through(profile, `${t(VERDICTS[profile.verdict])}${before}`);
}

/** It is not the own line that was measured. */
function through({ vpn }: NatProfile, sentence: string): string {
  return vpn === 'all' ? `${sentence} ${t('(measured through the VPN that is on here)')}` : sentence;
}

const VERDICTS: Readonly<Record<Verdict, Sentence>> = {
  open: 'Open for gaming: anybody can connect to you at once.',
  moderate: 'Moderate for gaming: friends on ordinary routers connect at once; two strict networks take a while.',
  strict:
    'Strict for gaming: friends on ordinary routers connect within seconds; another strict network may take minutes.',
};

function udpState(profile: NatProfile): string {
  if (profile.type === 'blocked') return t('blocked');
  return profile.samples > 0 ? t('works') : t('not tested');
}

function externalText(profile: NatProfile, options: ReportOptions): string {
  const four = profile.external.filter((address) => !address.includes(':'));
  if (four.length === 0) return t('IPv4 address not known');
  if (four.length === 1) return `IPv4 ${shown(four[0] ?? '', options)}`;
  const whom = four.map((address) => seenBy(address, options.probes ?? []));
  if (whom.every((places) => places.length > 0))
    return `IPv4 ${four.map((address, n) => `${shown(address, options)} ${seenText(whom[n] ?? [], options)}`).join(', ')}`;
  const addresses = new Set(four.map((address) => shown(address, options)));
  return `IPv4 ${[...addresses].join(', ')} ${t('({n} addresses in turn)', { n: four.length })}`;
}

/** Who sees this address and never another: then it is the way there that decides, two lines or what stands in front of whoever is asked. */
function seenBy(address: string, probes: readonly ProbeResult[]): readonly string[] {
  const placesWhere = (sees: (seen: string) => boolean): readonly string[] =>
    probes.flatMap(({ destination, seenAs }) => (seenAs !== null && sees(seenAs.address) ? [destination.address] : []));
  const others = new Set(placesWhere((seen) => seen !== address));
  return [...new Set(placesWhere((seen) => seen === address))].filter((place) => !others.has(place));
}

const PLACES_NAMED_MAX = 2;

function seenText(places: readonly string[], options: ReportOptions): string {
  const named = places.slice(0, PLACES_NAMED_MAX).map((place) => shown(place, options));
  return t('(as {places} sees it)', { places: [...named, ...(places.length > named.length ? ['…'] : [])].join(', ') });
}

/** A masterserver that was reached by IPv6 has told our address there, whatever else was tested. */
function ipv6Text(profile: NatProfile, options: ReportOptions): string {
  const six = profile.external.find((address) => address.includes(':'));
  return `IPv6 ${six === undefined ? tested(profile.ipv6, t('works'), t('none')) : shown(six, options)}`;
}

function shown(address: string, { showIps }: Pick<ReportOptions, 'showIps'>): string {
  return showIps ? address : maskAddress(address);
}

/** The words of the original notes (docs/seed.md S1). */
const TYPES: Readonly<Record<NatType, Sentence>> = {
  public: 'public, no translation',
  'port-preserving-cone': 'port-preserving cone',
  cone: 'cone',
  'address-sensitive': 'address-sensitive symmetric',
  'port-sensitive': 'port-sensitive symmetric',
  blocked: 'blocked',
  unknown: 'not known',
};

function typeText(profile: NatProfile): string {
  const delta = profile.delta === null ? t('no port delta') : t('port delta {delta}', { delta: signed(profile.delta) });
  return profile.type === 'blocked' || profile.type === 'unknown'
    ? t(TYPES[profile.type])
    : `${t(TYPES[profile.type])}, ${delta}`;
}

function mappingText(profile: NatProfile): string {
  switch (profile.mapping) {
    case 'eim':
      if (profile.type === 'public') return t('none');
      return profile.addressesAsked < 2
        ? t('one port for all ports of the one address asked, others cannot be told')
        : t('one port for all destinations');
    case 'adm':
      return t('new port for each destination address');
    case 'apdm':
      return t('new port for each destination address and port');
    case 'unknown':
      return profile.samples > 0 && profile.addressesAsked < 2
        ? t('cannot be told: one port of one address was asked')
        : t('not known');
  }
}

function allocatorText(profile: NatProfile): string | null {
  if (profile.type === 'public' || profile.samples === 0) return null;
  const text = ruleText(profile.allocator);
  const parity =
    profile.allocator.parity === 'kept' && profile.allocator.kind !== 'preserve' ? `, ${t('even stays even')}` : '';
  return text + parity;
}

function ruleText(allocator: Allocator): string {
  const { kind, step, low, high } = allocator;
  switch (kind) {
    case 'preserve':
      return step === 0 ? t('same as the local port') : t('local port {step}', { step: signed(step ?? 0) });
    case 'step':
      return t('{step} each, {others} others a second', {
        step: signed(step ?? 0),
        others: Math.round(allocator.backgroundPerSecond ?? 0),
      });
    case 'time':
      return t('{step} ports further each second', { step: Math.round(step ?? 0) });
    case 'range':
      return t('at random in {range}', { range: `${low}-${high}` });
    case 'block':
      return t('at random in a block of {size} ({range})', {
        size: (high ?? 0) - (low ?? 0) + 1,
        range: `${low}-${high}`,
      });
    case 'random':
      return t('at random');
    case 'unknown':
      return t('rule not known yet');
  }
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : `${value}`;
}

function lifetimeText(profile: NatProfile): string {
  return profile.idleLifetimeMs === null
    ? t('lifetime not tested')
    : t('kept {seconds} s idle', { seconds: Math.round(profile.idleLifetimeMs / 1000) });
}

function nextPortText(profile: NatProfile): string {
  const last = profile.lastPort === null ? t('last not known') : t('last {port}', { port: profile.lastPort });
  const next =
    profile.predictedNextPort === null
      ? t('next cannot be told')
      : t('next likely {port}', { port: profile.predictedNextPort });
  return profile.allocator.kind === 'preserve' ? `${last} · ${t('next is the local port')}` : `${last} · ${next}`;
}

const FILTERING = {
  eif: 'lets anybody in',
  adf: 'lets in addresses you have sent to',
  apdf: 'lets in only who you have sent to, address and port',
  unknown: 'not tested (the masterserver needs a second port or address for it)',
} as const;

function poisonText(profile: NatProfile): string | null {
  if (profile.poisonable === 'yes') return t('an early packet from outside spoils the port (worked around)');
  return null;
}

function tested(value: Tested, yes: string, no: string): string {
  return value === 'untested' ? t('not tested') : value === 'yes' ? yes : no;
}

function layersText(profile: NatProfile): string {
  switch (profile.layers) {
    case null:
      return t('layers not known');
    case 0:
      return t('none in the way');
    case 1:
      return t('one layer of translation');
    default:
      return t("{layers} layers: you are behind another router or your provider's shared address", {
        layers: profile.layers,
      });
  }
}

function hopsText(profile: NatProfile): string | null {
  return profile.natHops === null
    ? t('distance not tested')
    : profile.natHops === 0
      ? null
      : t('outermost at hop {hop}', { hop: profile.natHops });
}

function portMapText(profile: NatProfile, { routerAskedMs }: ReportOptions): string {
  const { upnp, natPmp, pcp, external } = profile.portMapping;
  const silent =
    routerAskedMs === null ? null : t('no answer within {seconds} s', { seconds: Math.ceil(routerAskedMs / 1000) });
  const state = (value: Tested) =>
    value === 'untested' && silent !== null ? silent : tested(value, t('works'), t('off'));
  const proven = external === null ? '' : ` → ${t('port {port} proven open', { port: external.port })}`;
  return `UPnP ${state(upnp)} · NAT-PMP ${state(natPmp)} · PCP ${state(pcp)}${proven}`;
}

function sureText(profile: NatProfile, options: ReportOptions): string {
  const rtt = options.masterRttMs === null ? '' : ` · ${t('master {ms} ms', { ms: Math.round(options.masterRttMs) })}`;
  const percent = (profile.confidence * 100).toFixed(profile.confidence > 0.99 ? 1 : 0);
  const { samples, addressesAsked } = profile;
  const from =
    addressesAsked === 1
      ? t('({samples} samples, one address asked)', { samples })
      : t('({samples} samples, {addressesAsked} addresses asked)', { samples, addressesAsked });
  const old = samples === 0 ? '' : ` · ${t('newest {age} old', { age: ageText(profile) })}`;
  return `${percent} % ${from}${old}${rtt}`;
}

/** Each line one thing a person can do, with what it would change. */
export function whatWouldHelp(
  profile: NatProfile,
  options: Pick<ReportOptions, 'masterWay' | 'probes'> = { masterWay: 'udp' },
): readonly string[] {
  const help: string[] = [];
  const { external } = profile.portMapping;
  if (profile.type === 'blocked') {
    if (profile.vpn === 'all')
      return [t('The VPN that is on here lets no UDP through, or this network does not: turn it off and test again.')];
    return [
      t('Allow outgoing UDP in the firewall of this computer or network, or try another network (a phone hotspot).'),
    ];
  }
  const missing = unmeasured(profile, options.masterWay, options.probes ?? []);
  if (missing !== null && missing !== 'not-now') return UNMEASURED_HELP[missing].map((line) => t(line));
  if (profile.external.length > 0 && profile.external.every(isLoopback)) {
    return [
      t(
        'The masterserver is on this computer: ask one elsewhere (--master, --stun host:port) to learn of your router.',
      ),
    ];
  }
  // Nothing at the router changes what others meet of a VPN.
  if (profile.vpn === 'all' && profile.verdict !== 'open')
    return [t('A VPN is on here, and what others meet is its network, not your router: turn it off and test again.')];
  const shared = profile.layers !== null && profile.layers > 1;
  const behindCarrier = profile.type !== 'public' && profile.external.some(isPrivate);
  if (profile.verdict !== 'open' && external === null) {
    if (shared || behindCarrier)
      help.push(
        t('A second router is in the way: bridge one of the two, or ask the provider for a public IPv4 address.'),
      );
    else help.push(routerHelp(profile));
    if (profile.ipv6 === 'no') help.push(t('IPv6 on both sides would connect without any of this.'));
  }
  if (profile.addressesAsked === 1 && (profile.mapping === 'eim' || profile.mapping === 'unknown')) {
    help.push(t('Add --stun host:port (or a second address at the masterserver) to make sure of the mapping.'));
  }
  return help;
}
