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
  silentServers,
  type Tested,
  unmeasured,
  type Verdict,
  type WayReport,
} from '../core/index.ts';

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

export function reportLines(profile: NatProfile, options: ReportOptions): readonly string[] {
  const row = (name: string, ...facts: readonly (string | null)[]) =>
    name.padEnd(WIDTH) + facts.filter((fact) => fact !== null).join(' · ');
  const untested = untestedText(profile, options);
  const help = [...whatWouldHelp(profile, options), ...(options.receiveBytes ? [BURST_HELP] : [])];
  return [
    row('Verdict', verdictSentence(profile, options)),
    row('UDP', udpState(profile), externalText(profile, options), ipv6Text(profile, options)),
    row('Type', typeText(profile)),
    row('Mapping', mappingText(profile), allocatorText(profile), lifetimeText(profile)),
    row('Next port', nextPortText(profile)),
    row('Filtering', FILTERING[profile.filtering], poisonText(profile)),
    row('Hairpin', tested(profile.hairpin, 'yes', 'no')),
    row('Routers', layersText(profile), hopsText(profile)),
    row('Port map', portMapText(profile, options)),
    row('Limits', profile.quota === null ? 'none known' : `${profile.quota} ports for this network`),
    ...(options.ways ? [waysLine(options.ways, options)] : []),
    ...silentText(options).map((text) => row('Silent', text)),
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
  return `the system keeps about ${datagrams} large datagrams until they are read; more at once are lost`;
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
    answeredMs === null ? `${names[way]} no answer` : `${names[way]} works, ${Math.round(answeredMs)} ms`,
  );
  const only = reports.length === 1 ? ['the master link names no other way'] : [];
  return 'Ways'.padEnd(WIDTH) + [...facts, ...only].join(' · ');
}

/** Each probe's result (S30): who was asked, from which local port, and what it saw. */
export function probeLines(probes: readonly ProbeResult[], options: Pick<ReportOptions, 'showIps'>): readonly string[] {
  return probes.map(({ destination, localPort, seenAs }) => {
    const result = seenAs === null ? 'no answer' : endpointKey({ ...seenAs, address: shown(seenAs.address, options) });
    return `${'Probe'.padEnd(WIDTH)}${endpointKey(destination)} from port ${localPort} → ${result}`;
  });
}

const UNMEASURED_HELP: Readonly<Record<NotKnown, readonly string[]>> = {
  rewritten: [
    'Give a STUN server with --stun host:port: it tells what the masterserver can not see, and friends reach you all the same.',
    'Tell the operator: in Docker, --network host or "userland-proxy": false lets the masterserver see true addresses.',
  ],
  'from-inside': [
    'Give a STUN server with --stun host:port, or ask a masterserver elsewhere: then your network is measured.',
  ],
  'probe-ports': [
    'Tell the operator of the masterserver: 16 UDP ports, from its own plus 9 on, have to pass its firewall. Or give --stun host:port.',
  ],
  'nobody-answers': [
    'Check the --master link, or give a STUN server with --stun host:port: where neither answers, it is this network.',
  ],
};

/** Who was asked in vain while others answered: no fault of this network. */
function silentText(options: ReportOptions): readonly string[] {
  return silentServers(options.probes ?? []).map(({ address, ports }) => {
    const of = ports.length > 3 ? `${ports[0]}-${ports.at(-1)}, ${ports.length} of them asked` : ports.join(', ');
    const where = `${shown(address, options)} UDP ${ports.length > 1 ? 'ports' : 'port'} ${of}`;
    return options.masterWay === 'udp' && ports.length > 2
      ? `${where}: the masterserver's probe ports do not answer, its operator may have left them shut; others were asked instead`
      : `${where}: no answer from there; others were asked instead`;
  });
}

/** Silence is not blamed on this network unless something else shows that it is to blame. */
type NotKnown = 'probe-ports' | 'rewritten' | 'from-inside' | 'nobody-answers';

const UNMEASURED: Readonly<Record<NotKnown, string>> = {
  rewritten:
    'Not known: something in front of the masterserver hides where packets come from, so it cannot tell how you look from outside.',
  'from-inside': 'Not known: the masterserver stands in your own network, and nobody outside was asked.',
  'probe-ports':
    'Not known: the masterserver answers, but none of its probe ports does. Its operator may have left them shut in a firewall.',
  'nobody-answers':
    'Not known: nobody answers. The masterserver may be down, this computer offline, or this network may block UDP.',
};

function verdictSentence(profile: NatProfile, options: ReportOptions): string {
  if (profile.type === 'blocked')
    return 'Strict: no UDP answer comes back, so no direct connection is possible from here.';
  const missing = unmeasured(profile, options.masterWay, options.probes ?? []);
  if (missing !== null && missing !== 'not-now') return UNMEASURED[missing];
  return `${VERDICTS[profile.verdict]}${missing === null ? '' : ` (measured ${age(profile)} ago; the masterserver does not answer now)`}`;
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  open: 'Open for gaming: anybody can connect to you at once.',
  moderate: 'Moderate for gaming: friends on ordinary routers connect at once; two strict networks take a while.',
  strict:
    'Strict for gaming: friends on ordinary routers connect within seconds; another strict network may take minutes.',
};

function udpState(profile: NatProfile): string {
  if (profile.type === 'blocked') return 'blocked';
  return profile.samples > 0 ? 'works' : 'not tested';
}

function externalText(profile: NatProfile, options: ReportOptions): string {
  const four = profile.external.filter((address) => !address.includes(':'));
  if (four.length === 0) return 'IPv4 address not known';
  const addresses = new Set(four.map((address) => shown(address, options)));
  return `IPv4 ${[...addresses].join(', ')}${four.length > 1 ? ` (${four.length} addresses in turn)` : ''}`;
}

/** A masterserver that was reached by IPv6 has told our address there, whatever else was tested. */
function ipv6Text(profile: NatProfile, options: ReportOptions): string {
  const six = profile.external.find((address) => address.includes(':'));
  return `IPv6 ${six === undefined ? tested(profile.ipv6, 'works', 'none') : shown(six, options)}`;
}

function shown(address: string, { showIps }: Pick<ReportOptions, 'showIps'>): string {
  return showIps ? address : maskAddress(address);
}

/** The words of the original notes (S1). */
const TYPES: Readonly<Record<NatType, string>> = {
  public: 'public, no translation',
  'port-preserving-cone': 'port-preserving cone',
  cone: 'cone',
  'address-sensitive': 'address-sensitive symmetric',
  'port-sensitive': 'port-sensitive symmetric',
  blocked: 'blocked',
  unknown: 'not known',
};

function typeText(profile: NatProfile): string {
  const delta = profile.delta === null ? 'no port delta' : `port delta ${signed(profile.delta)}`;
  return profile.type === 'blocked' || profile.type === 'unknown'
    ? TYPES[profile.type]
    : `${TYPES[profile.type]}, ${delta}`;
}

function mappingText(profile: NatProfile): string {
  switch (profile.mapping) {
    case 'eim':
      if (profile.type === 'public') return 'none';
      return profile.addressesAsked < 2
        ? 'one port for all ports of the one address asked, others cannot be told'
        : 'one port for all destinations';
    case 'adm':
      return 'new port for each destination address';
    case 'apdm':
      return 'new port for each destination address and port';
    case 'unknown':
      return profile.samples > 0 && profile.addressesAsked < 2
        ? 'cannot be told: one port of one address was asked'
        : 'not known';
  }
}

function allocatorText(profile: NatProfile): string | null {
  if (profile.type === 'public' || profile.samples === 0) return null;
  const text = ruleText(profile.allocator);
  const parity =
    profile.allocator.parity === 'kept' && profile.allocator.kind !== 'preserve' ? ', even stays even' : '';
  return text + parity;
}

function ruleText(allocator: Allocator): string {
  const { kind, step, low, high } = allocator;
  switch (kind) {
    case 'preserve':
      return step === 0 ? 'same as the local port' : `local port ${signed(step ?? 0)}`;
    case 'step':
      return `${signed(step ?? 0)} each, ${Math.round(allocator.backgroundPerSecond ?? 0)} others a second`;
    case 'time':
      return `${Math.round(step ?? 0)} ports further each second`;
    case 'range':
      return `at random in ${low}-${high}`;
    case 'block':
      return `at random in a block of ${(high ?? 0) - (low ?? 0) + 1} (${low}-${high})`;
    case 'random':
      return 'at random';
    case 'unknown':
      return 'rule not known yet';
  }
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : `${value}`;
}

function lifetimeText(profile: NatProfile): string {
  return profile.idleLifetimeMs === null
    ? 'lifetime not tested'
    : `kept ${Math.round(profile.idleLifetimeMs / 1000)} s idle`;
}

function nextPortText(profile: NatProfile): string {
  const last = profile.lastPort === null ? 'last not known' : `last ${profile.lastPort}`;
  const next = profile.predictedNextPort === null ? 'next cannot be told' : `next likely ${profile.predictedNextPort}`;
  return profile.allocator.kind === 'preserve' ? `${last} · next is the local port` : `${last} · ${next}`;
}

const FILTERING = {
  eif: 'lets anybody in',
  adf: 'lets in addresses you have sent to',
  apdf: 'lets in only who you have sent to, address and port',
  unknown: 'not tested (the masterserver needs a second port or address for it)',
} as const;

function poisonText(profile: NatProfile): string | null {
  if (profile.poisonable === 'yes') return 'an early packet from outside spoils the port (worked around)';
  return null;
}

function tested(value: Tested, yes: string, no: string): string {
  return value === 'untested' ? 'not tested' : value === 'yes' ? yes : no;
}

function layersText(profile: NatProfile): string {
  switch (profile.layers) {
    case null:
      return 'layers not known';
    case 0:
      return 'none in the way';
    case 1:
      return 'one layer of translation';
    default:
      return `${profile.layers} layers: you are behind another router or your provider's shared address`;
  }
}

function hopsText(profile: NatProfile): string | null {
  return profile.natHops === null
    ? 'distance not tested'
    : profile.natHops === 0
      ? null
      : `outermost at hop ${profile.natHops}`;
}

function portMapText(profile: NatProfile, { routerAskedMs }: ReportOptions): string {
  const { upnp, natPmp, pcp, external } = profile.portMapping;
  const silent = routerAskedMs === null ? null : `no answer within ${Math.ceil(routerAskedMs / 1000)} s`;
  const state = (value: Tested) => (value === 'untested' && silent !== null ? silent : tested(value, 'works', 'off'));
  const proven = external === null ? '' : ` → port ${external.port} proven open`;
  return `UPnP ${state(upnp)} · NAT-PMP ${state(natPmp)} · PCP ${state(pcp)}${proven}`;
}

function age({ ageMs }: NatProfile): string {
  const seconds = Math.round(ageMs / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** What was not tested, each with the reason: not knowing is no finding. */
function untestedText(profile: NatProfile, { routerAskedMs }: ReportOptions): string | null {
  if (profile.samples === 0) return null;
  const behindNat = profile.type !== 'public';
  const later = profile.mapping === 'eim' ? 'not yet' : 'shows only where one port serves all destinations';
  const reasons: readonly (string | false)[] = [
    profile.filtering === 'unknown' && 'filtering (takes a second port or address to ask)',
    behindNat && profile.hairpin === 'untested' && `hairpin (${later})`,
    behindNat && profile.natHops === null && `distance (${later})`,
    behindNat && profile.idleLifetimeMs === null && 'life of a mapping (takes 3 min, while hosting)',
    behindNat && profile.quota === null && 'most mappings at once (at its end nobody here could open anything)',
    behindNat && routerAskedMs === null && profile.portMapping.upnp === 'untested' && 'port mapping (no router found)',
    profile.ipv6 === 'untested' && 'IPv6 (nobody asked has it)',
  ];
  const all = reasons.filter((reason) => reason !== false);
  return all.length === 0 ? null : all.join(' · ');
}

function sureText(profile: NatProfile, options: ReportOptions): string {
  const vantage = profile.addressesAsked === 1 ? ', one address asked' : `, ${profile.addressesAsked} addresses asked`;
  const rtt = options.masterRttMs === null ? '' : ` · master ${Math.round(options.masterRttMs)} ms`;
  return `${(profile.confidence * 100).toFixed(profile.confidence > 0.99 ? 1 : 0)} % (${profile.samples} samples${vantage}${profile.samples > 0 ? `, newest ${age(profile)} old` : ''})${rtt}`;
}

const NOTHING_COMES =
  'The router says that it has opened a port, but nothing comes in there: another router stands before it, or it errs. Restart it, or ask the provider for a public IPv4 address.';

/** Of others behind the same NAT a line at home has few; more of them, a block of ports or a distance tell of a provider's. */
const OTHERS_AT_HOME_MAX = 20;

function routerHelp({ natHops, quota, allocator, layers }: NatProfile): string {
  const others = allocator.kind === 'step' ? (allocator.backgroundPerSecond ?? 0) : 0;
  const carriers = (natHops ?? 1) > 1 || quota !== null || others > OTHERS_AT_HOME_MAX || allocator.kind === 'time';
  return carriers
    ? 'This looks like an address that the provider shares out: UPnP helps only where your own router has a public one. Ask the provider for a public IPv4 address.'
    : `Turning UPnP on in the router, or forwarding one UDP port, would make this Open${layers === 1 ? '' : ', if the router itself has a public address'}.`;
}

/** Each line one thing a person can do, with what it would change. */
export function whatWouldHelp(
  profile: NatProfile,
  options: Pick<ReportOptions, 'masterWay' | 'probes'> = { masterWay: 'udp' },
): readonly string[] {
  const help: string[] = [];
  const { upnp, natPmp, pcp, external } = profile.portMapping;
  if (profile.type === 'blocked') {
    return [
      'Allow outgoing UDP in the firewall of this computer or network, or try another network (a phone hotspot).',
    ];
  }
  const missing = unmeasured(profile, options.masterWay, options.probes ?? []);
  if (missing !== null && missing !== 'not-now') return UNMEASURED_HELP[missing];
  if (profile.external.length > 0 && profile.external.every(isLoopback)) {
    return [
      'The masterserver is on this computer: ask one elsewhere (--master, --stun host:port) to learn of your router.',
    ];
  }
  const shared = profile.layers !== null && profile.layers > 1;
  const behindCarrier = profile.type !== 'public' && profile.external.some(isPrivate);
  if (profile.verdict !== 'open' && external === null) {
    if (shared || behindCarrier)
      help.push('A second router is in the way: bridge one of the two, or ask the provider for a public IPv4 address.');
    else help.push(upnp === 'yes' || natPmp === 'yes' || pcp === 'yes' ? NOTHING_COMES : routerHelp(profile));
    if (profile.ipv6 === 'no') help.push('IPv6 on both sides would connect without any of this.');
  }
  if (profile.addressesAsked === 1 && (profile.mapping === 'eim' || profile.mapping === 'unknown')) {
    help.push('Add --stun host:port (or a second address at the masterserver) to make sure of the mapping.');
  }
  return help;
}
