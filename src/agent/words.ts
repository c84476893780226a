/**
 * The one place where what is told of a join becomes sentences: English ones for the library and the messages of errors, or those of another
 * language by `say`, which gets each English sentence and what belongs into its {places}.
 */

import type {
  FailureReason,
  Help,
  LinkProblem,
  NatView,
  NextAttempt,
  PeerEvent,
  ServicesProblem,
} from '../core/index.ts';
import { LIMITS } from '../core/limits.ts';
import { CODE_SYMBOLS } from '../core/model/code.ts';
import { fill, type Places } from '../core/model/fill.ts';
import { FAILURES } from '../node/failure.ts';
import type { NotDirect } from './join-view.ts';
import type { WayNow } from './path.ts';

/** Gives a sentence in a language, with `{name}` replaced by the value of that name. */
export type SaySentence = (sentence: string, values?: Places) => string;

const inEnglish: SaySentence = (sentence, values = {}) => fill(sentence, values);

/** Why a text is no list of services, and what to write instead. */
export function servicesText(problem: ServicesProblem, say = inEnglish): string {
  switch (problem.problem) {
    case 'none':
      return say('No port is given: write the one of your game server, like 30000.');
    case 'too-many':
      return say('One host has at most {most} ports: host the others under another name.', { most: problem.most });
    case 'not-a-service':
      return say('"{part}" is no port: write 30000, 64738/udp+tcp, 2456-2457 or 192.168.1.50:30000.', {
        part: problem.part,
      });
    case 'port':
      return say('"{part}" names no port: ports are numbers from 1 to 65535.', { part: problem.part });
    case 'range':
      return say('"{part}" ends before it begins: write the lower port first, like 2456-2457.', { part: problem.part });
    case 'protocol':
      return say('"{part}" names no protocol that is carried: write /udp, /tcp or /udp+tcp behind the port.', {
        part: problem.part,
      });
    case 'address':
      return say(
        '"{part}" names no address: write an IP address before the port, like 192.168.1.50:30000 or [::1]:30000.',
        { part: problem.part },
      );
    case 'twice':
      return say('Port {port} is given twice, which friends could not tell apart: write each port once.', {
        port: problem.port,
      });
  }
}

/** The line takes less than what is sent, or enough again. */
export function uploadText(full: boolean, say = inEnglish): string {
  return say(
    full
      ? 'your upload is full: the game sends more than your line takes. Large updates are left out, so that the others go on at once.'
      : 'your upload is enough again',
  );
}

type Stage = Pick<Extract<PeerEvent, { readonly ev: 'stage' }>, 'stage' | 'why'>;

const STAGES: Readonly<Record<Stage['stage'], string>> = {
  resolving: 'Looking for the host.',
  found: 'Found the host.',
  networks: 'Looking at your own network.',
  asking: 'Asking the host.',
  asked: 'The host is asked whether you may come in.',
  queued: 'The host is asked about others before you.',
  punching: 'Opening the path.',
  waiting: 'Waiting.',
  connected: 'Connected.',
};

/** Where a join stands. */
export function stageText({ stage, why }: Stage, say = inEnglish): string {
  if (why === null) return say(STAGES[stage]);
  switch (why.because) {
    case 'host-asked-about-others':
      return why.ahead === 1
        ? say('The host is asked about one other before you.')
        : say('The host is asked about {n} others before you.', { n: why.ahead });
    case 'host-silent':
      return say('No answer from the host yet: maybe it has gone. Trying on.');
    case 'master-silent':
      return say('The masterserver does not answer just now. Trying on.');
    case 'failure':
      return say(FAILURES[why.failure].what);
    default:
      return nextText(why, say);
  }
}

/** What the next attempt waits for, or what it changes, and why. */
export function nextText(next: NextAttempt, say = inEnglish): string {
  switch (next.because) {
    case 'host-connects-others':
      return next.ahead === 1
        ? say('The host connects one other first.')
        : say('The host connects {n} others first.', { n: next.ahead });
    case 'host-rests':
      return say('The host lets its ports rest for another {seconds} s.', { seconds: next.seconds });
    case 'unanswered':
      return say('{method}: answers that the last attempt needed did not come in time', { method: next.method });
    case 'not-met':
      return changeText(next, say);
  }
}

function changeText(
  { method, last, own, peer }: NextAttempt & { readonly because: 'not-met' },
  say: SaySentence,
): string {
  const values = { method, last, own: natText(own, say), peer: natText(peer, say) };
  const again = method === last;
  if (own !== null && peer !== null)
    return again
      ? say("{method} again, now taking your network for {own} and the host's network for {peer}", values)
      : say(
          "{method}: {last} did not meet, now taking your network for {own} and the host's network for {peer}",
          values,
        );
  if (own !== null)
    return again
      ? say('{method} again, now taking your network for {own}', values)
      : say('{method}: {last} did not meet, now taking your network for {own}', values);
  if (peer !== null)
    return again
      ? say("{method} again, now taking the host's network for {peer}", values)
      : say("{method}: {last} did not meet, now taking the host's network for {peer}", values);
  return again
    ? say('{method} again from new source ports and with another TTL', values)
    : say('{method}: {last} did not meet', values);
}

/** What others meet at a NAT. */
export function natText(nat: NatView | null, say = inEnglish): string {
  switch (nat?.kind) {
    case undefined:
      return '';
    case 'open':
      return say('one open port for all destinations');
    case 'easy':
      return say('one port for all destinations');
    case 'step': {
      const { step, perSecond } = nat;
      if (nat.timed) return say('new ports that move with time, {perSecond} a second', { perSecond });
      return say('new ports in steps of {step}, {perSecond} a second for others', { step, perSecond });
    }
    case 'random': {
      const { low, high, addresses } = nat;
      if (addresses > 1)
        return say('random ports from {low} to {high} on {addresses} addresses', { low, high, addresses });
      return say('random ports from {low} to {high}', { low, high });
    }
    case 'blocked':
      return say('no UDP');
  }
}

/** What would help a pair that does not meet. */
export function adviceText(advice: readonly Help[], say = inEnglish): string {
  const [first] = advice;
  if (first?.help === 'other-network') return say(OTHER_NETWORK[first.side]);
  if (first?.help === 'vpn')
    return say(
      'A VPN here has the way to the host alone: turn it off, or let it have all ways. Attempts go on meanwhile.',
    );
  const helps = advice.map((one) => helpText(one, say)).join('; ');
  return say('What helps, best first: {helps}. Attempts go on meanwhile.', { helps });
}

const OTHER_NETWORK = {
  own: 'UDP does not pass on your side: try another network there, a phone hotspot shows the difference.',
  peer: "UDP does not pass on the host's side: try another network there, a phone hotspot shows the difference.",
  either: 'UDP does not pass on either side: try another network there, a phone hotspot shows the difference.',
  both: 'UDP does not pass on either side: try another network there, a phone hotspot shows the difference.',
};
const NO_UDP = {
  own: 'Not direct, because UDP does not pass on your side.',
  peer: "Not direct, because UDP does not pass on the host's side.",
  both: 'Not direct, because UDP does not pass on either side.',
};
const ROUTERS = {
  own: 'turn on UPnP or forward one UDP port on your router',
  peer: "turn on UPnP or forward one UDP port on the host's router",
  either: 'turn on UPnP or forward one UDP port on either router',
  both: 'turn on UPnP or forward one UDP port on both',
};
const VPN_OFF = {
  own: 'turn the VPN on your side off, it may be what keeps you apart',
  peer: "turn the VPN on the host's side off, it may be what keeps you apart",
  either: 'turn the VPN on either side off, one may be what keeps you apart',
  both: 'turn the VPNs on both sides off, they may be what keeps you apart',
};
const VPN_IN_THE_WAY = {
  own: 'Not direct, perhaps because of the VPN on your side.',
  peer: "Not direct, perhaps because of the VPN on the host's side.",
  either: 'Not direct, perhaps because of the VPNs on either side.',
  both: 'Not direct, perhaps because of the VPNs on either side.',
};
const IPV6 = {
  own: 'use IPv6: the host has it, you do not',
  peer: 'use IPv6: you have it, the host does not',
  either: 'use IPv6 on both sides',
  both: 'use IPv6 on both sides',
};

function helpText({ help, side }: Help, say: SaySentence): string {
  if (help === 'between')
    return say(
      'look for a firewall or a VPN between you, or something in front of the masterserver that hides addresses',
    );
  if (help === 'vpn-off') return say(VPN_OFF[side]);
  if (help === 'port-mapping') return say(ROUTERS[side]);
  if (help === 'public-address') return say('ask either provider for a public IPv4 address');
  return say(help === 'ipv6' ? IPV6[side] : 'try another network');
}

/** `relayed via frankfurt, 38 ms`, or `direct, 21 ms` */
export function wayText({ kind, via, rttMs }: WayNow, say = inEnglish): string {
  const ms = Math.round(rttMs);
  return via === null ? `${say(kind)}, ${ms} ms` : say('relayed via {via}, {ms} ms', { via, ms });
}

/** Why a connection is not direct. */
export function notDirectText(why: NotDirect, say = inEnglish): string {
  switch (why.because) {
    case 'wished':
      return say('Not direct, because one of you comes through a relay only.');
    case 'no-common-family':
      return say('Not direct, because one of your networks has IPv6 alone and the other IPv4 alone.');
    case 'udp-blocked':
      return say(NO_UDP[why.side]);
    case 'hard-pair':
      return say('Not direct, because these two networks are a hard pair.');
    case 'vpn':
      return say('Not direct, because a VPN here has the way to the host alone: turn it off, or let it have all ways.');
    case 'between':
      return say('Not direct, though both networks are easy ones: something between you keeps you apart.');
    case 'vpn-off':
      return say(VPN_IN_THE_WAY[why.side]);
    case 'searching':
      return say('A direct path is being looked for meanwhile; the game does not notice when it takes over.');
  }
}

/** Said once to a person whose data a relay carries. */
export const RELAY_SEES =
  'Whoever runs the relay sees who speaks to whom and how much, but not what: that is encrypted end to end.';

/** The true cause of a failure, as a sentence. */
export function reasonText(reason: FailureReason): string {
  switch (reason.because) {
    case 'host-silent':
      return 'The host has not answered: is it still there?';
    case 'host-undecided':
      return 'Whoever runs the host has not said yes or no.';
    case 'master-silent':
      return 'The masterserver does not answer.';
    case 'code-malformed':
      return `A code is ${LIMITS.codeSymbols} of ${CODE_SYMBOLS}, like K7TQ9-RBWXM; ${
        reason.foreign === '' ? `this has ${reason.symbols}` : `"${reason.foreign}" is never in one`
      }.`;
    case 'link-contradicts-itself':
      return 'The code and the key in the link do not belong together.';
    case 'host-of-another-code':
      return 'The masterserver names a host that this code does not belong to.';
    case 'other-key-than-before':
      return 'The link has another key than the host that you joined by this code before.';
    case 'other-key-for-name':
      return `You have joined "${reason.name}" here before, and it had another key.`;
    case 'not-that-host':
      return 'The answer is not by the host that was asked.';
    case 'key-unusable':
      return 'Nothing can be sealed to the key in the link.';
    case 'too-many-joins':
      return 'There are too many joins at once.';
    case 'socket':
      return `No socket could be opened (${reason.error}).`;
    case 'codes-tried':
      return 'Too many codes that no host has were tried from your address.';
  }
}

/** What is wrong with a link, for the person who has pasted it. */
export function linkText({ problem, part }: LinkProblem): string {
  return `The link ${LINK_FAULTS[problem].replace('PART', () => part)}.`;
}

const LINK_FAULTS: Readonly<Record<LinkProblem['problem'], string>> = {
  scheme: 'does not begin with sallyport://',
  malformed: 'is malformed',
  'no-address': 'has no address of a masterserver',
  address: 'has the malformed address "PART"',
  brackets: 'has an IPv6 address that is not in [brackets]',
  port: 'has the port PART; ports are 1 to 65535',
  way: 'has "PART" after "?", which is neither udp=PORT nor tls=HOST:PORT',
  'no-key': 'has no key after "#": copy the whole link (in a shell, put it in quotes)',
  key: 'has an incomplete or mistyped key after "#"',
  'too-many-keys': 'has more keys than such a link can have',
  path: 'names "PART" where a masterserver link has nothing: is it a link to a host?',
  'no-code': 'has no join code: it should look like sallyport://…/j/CODE#KEY',
  code: 'has a malformed join code "PART"',
};
