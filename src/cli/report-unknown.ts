/** What `sallyport check` says of what it does not know: why, how old the rest is, and whose ports are silent. */
import { type MasterWay, type NatProfile, type ProbeResult, silentServers } from '../core/index.ts';
import { type Sentence, t } from './words/index.ts';

type NotKnown = 'probe-ports' | 'rewritten' | 'from-inside' | 'nobody-answers';

/** Silence is not blamed on this network unless something else shows that it is to blame. */
export const UNMEASURED: Readonly<Record<NotKnown, Sentence>> = {
  'probe-ports':
    'Not known: the masterserver answers, but none of its probe ports does. Its operator may have left them shut in a firewall.',
  rewritten:
    'Not known: something in front of the masterserver hides where packets come from, so it cannot tell how you look from outside.',
  'from-inside': 'Not known: the masterserver stands in your own network, and nobody outside was asked.',
  'nobody-answers':
    'Not known: nobody answers. The masterserver may be down, this computer offline, or this network may block UDP.',
};

export const UNMEASURED_HELP: Readonly<Record<NotKnown, readonly Sentence[]>> = {
  'probe-ports': [
    'Tell the operator of the masterserver: 16 UDP ports, from its own plus 9 on, have to pass its firewall. Or give --stun host:port.',
  ],
  rewritten: [
    'Give a STUN server with --stun host:port: it tells what the masterserver can not see, and friends reach you all the same.',
    'Tell the operator: in Docker, --network host or "userland-proxy": false lets the masterserver see true addresses.',
  ],
  'from-inside': [
    'Give a STUN server with --stun host:port, or ask a masterserver elsewhere: then your network is measured.',
  ],
  'nobody-answers': [
    'Check the --master link, or give a STUN server with --stun host:port: where neither answers, it is this network.',
  ],
};

/** More ports than this of one address are named as a range. */
const PORTS_NAMED_MAX = 3;

/** Who was asked in vain while others answered: no fault of this network. */
export function silentText(
  probes: readonly ProbeResult[],
  masterWay: MasterWay | null,
  shown: (address: string) => string,
): readonly string[] {
  return silentServers(probes).map(({ address, ports }) => {
    const many = ports.length > PORTS_NAMED_MAX;
    const where = `${shown(address)} UDP ${many ? `${ports[0]}-${ports.at(-1)}` : ports.join(', ')}`;
    return masterWay === 'udp' && many
      ? t(
          "{where}: the masterserver's probe ports do not answer, its operator may have left them shut; others were asked instead",
          { where },
        )
      : t('{where}: no answer from there; others were asked instead', { where });
  });
}

export function ageText({ ageMs }: NatProfile): string {
  const seconds = Math.round(ageMs / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** What was not tested, each with the reason: not knowing is no finding. Null: nothing of the kind. */
export function untestedText(profile: NatProfile, routerAskedMs: number | null): string | null {
  if (profile.samples === 0) return null;
  const behindNat = profile.type !== 'public';
  const one = profile.mapping === 'eim';
  const reasons: readonly (Sentence | false)[] = [
    profile.filtering === 'unknown' && 'filtering (takes a second port or address to ask)',
    behindNat &&
      profile.hairpin === 'untested' &&
      (one ? 'hairpin (not yet)' : 'hairpin (shows only where one port serves all destinations)'),
    behindNat &&
      profile.natHops === null &&
      (one ? 'distance (not yet)' : 'distance (shows only where one port serves all destinations)'),
    behindNat && profile.idleLifetimeMs === null && 'life of a mapping (takes 3 min, while hosting)',
    behindNat &&
      (profile.quota ?? profile.portSet) === null &&
      'most mappings at once (at its end nobody here could open anything)',
    behindNat && routerAskedMs === null && profile.portMapping.upnp === 'untested' && 'port mapping (no router found)',
    profile.portMapping.claim === 'untried' && 'the opened port (nobody who was asked has sent to it from outside)',
    profile.ipv6 === 'untested' && 'IPv6 (nobody asked has it)',
  ];
  const all = reasons.filter((reason) => reason !== false).map((reason) => t(reason));
  return all.length === 0 ? null : all.join(' · ');
}

/** Of others behind the same NAT a line at home has few; more of them, a block of ports or a distance tell of a provider's. */
const OTHERS_AT_HOME_MAX = 20;

/** What can be done about the router. */
export function routerHelp({ natHops, quota, portSet, allocator, layers, portMapping }: NatProfile): string {
  const { upnp, natPmp, pcp, claim } = portMapping;
  if (claim === 'untried')
    return t(
      'The router says that it has opened a port. Whether it has, a masterserver on the Internet can tell, or a STUN server that knows RESPONSE-PORT (--stun host:port).',
    );
  if (claim === 'none' && [upnp, natPmp, pcp].includes('yes'))
    return t(
      'The router answers, but has no port open for this computer: allow it there, or forward one UDP port to this computer.',
    );
  if (claim === 'shut')
    return t(
      'The router says that it has opened a port, but nothing comes in there: another router stands before it, or it errs. Restart it, or ask the provider for a public IPv4 address.',
    );
  const others = allocator.kind === 'step' ? (allocator.backgroundPerSecond ?? 0) : 0;
  if ((natHops ?? 1) > 1 || (quota ?? portSet) !== null || others > OTHERS_AT_HOME_MAX || allocator.kind === 'time')
    return t(
      'This looks like an address that the provider shares out: UPnP helps only where your own router has a public one. Ask the provider for a public IPv4 address.',
    );
  return layers === 1
    ? t('Turning UPnP on in the router, or forwarding one UDP port, would make this Open.')
    : t(
        'Turning UPnP on in the router, or forwarding one UDP port, would make this Open, if the router itself has a public address.',
      );
}
