/** The one place where what is told of a join becomes English: for the command, the examples and the messages of errors. */

import {
  CODE_SYMBOLS,
  type FailureReason,
  type Help,
  LIMITS,
  type LinkProblem,
  type NatView,
  type NextAttempt,
  type PeerEvent,
  type ServicesProblem,
} from '../core/index.ts';
import { FAILURES } from '../node/index.ts';
import type { NotDirect } from './join-view.ts';
import type { WayNow } from './path.ts';

/** Why a text is no list of services, and what to write instead. */
export function servicesText(problem: ServicesProblem): string {
  switch (problem.problem) {
    case 'none':
      return 'No port is given: write the one of your game server, like 30000.';
    case 'too-many':
      return `One host has at most ${problem.most} ports: host the others under another name, with --as.`;
    case 'not-a-service':
      return `"${problem.part}" is no port: write 30000, 64738/udp+tcp, 2456-2457 or 192.168.1.50:30000.`;
    case 'port':
      return `"${problem.part}" names no port: ports are numbers from 1 to 65535.`;
    case 'range':
      return `"${problem.part}" ends before it begins: write the lower port first, like 2456-2457.`;
    case 'protocol':
      return `"${problem.part}" names no protocol that is carried: write /udp, /tcp or /udp+tcp behind the port.`;
    case 'address':
      return `"${problem.part}" names no address: write an IP address before the port, like 192.168.1.50:30000 or [::1]:30000.`;
    case 'twice':
      return `Port ${problem.port} is given twice, which friends could not tell apart: write each port once.`;
  }
}

/** The line takes less than what is sent, or enough again. */
export function uploadText(full: boolean): string {
  return full
    ? 'your upload is full: the game sends more than your line takes. Large updates are left out, so that the others go on at once.'
    : 'your upload is enough again';
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
export function stageText({ stage, why }: Stage): string {
  if (why === null) return STAGES[stage];
  switch (why.because) {
    case 'host-asked-about-others':
      return `The host is asked about ${others(why.ahead)} before you.`;
    case 'host-silent':
      return 'No answer from the host yet: maybe it has gone. Trying on.';
    case 'master-silent':
      return 'The masterserver does not answer just now. Trying on.';
    case 'failure':
      return FAILURES[why.failure].what;
    default:
      return nextText(why);
  }
}

/** What the next attempt waits for, or what it changes, and why. */
export function nextText(next: NextAttempt): string {
  switch (next.because) {
    case 'host-connects-others':
      return `The host connects ${others(next.ahead)} first.`;
    case 'host-rests':
      return `The host lets its ports rest for another ${next.seconds} s.`;
    case 'unanswered':
      return `${next.method}: answers that the last attempt needed did not come in time`;
    case 'not-met':
      return changeText(next);
  }
}

function changeText({ method, last, own, peer }: NextAttempt & { readonly because: 'not-met' }): string {
  const taken = [
    ...(own === null ? [] : [`your network for ${natText(own)}`]),
    ...(peer === null ? [] : [`the host's network for ${natText(peer)}`]),
  ].join(' and ');
  const reading = taken === '' ? '' : `, now taking ${taken}`;
  if (method !== last) return `${method}: ${last} did not meet${reading}`;
  return reading === '' ? `${method} again from new source ports and with another TTL` : `${method} again${reading}`;
}

/** What others meet at a NAT. */
export function natText(nat: NatView): string {
  switch (nat.kind) {
    case 'open':
      return 'one open port for all destinations';
    case 'easy':
      return 'one port for all destinations';
    case 'step':
      if (nat.timed) return `new ports that move with time, ${nat.perSecond} a second`;
      return `new ports in steps of ${nat.step}, ${nat.perSecond} a second for others`;
    case 'random':
      return `random ports from ${nat.low} to ${nat.high}${nat.addresses > 1 ? ` on ${nat.addresses} addresses` : ''}`;
    case 'blocked':
      return 'no UDP';
  }
}

/** What would help a pair that does not meet. */
export function adviceText(advice: readonly Help[]): string {
  const [first] = advice;
  if (first?.help === 'other-network')
    return `UDP does not pass ${SIDES[first.side]}: try another network there, a phone hotspot shows the difference.`;
  return `What helps, best first: ${advice.map(helpText).join('; ')}. Attempts go on meanwhile.`;
}

const SIDES = { own: 'on your side', peer: "on the host's side", either: 'on either side', both: 'on either side' };
const ROUTERS = { own: 'on your router', peer: "on the host's router", either: 'on either router', both: 'on both' };
const IPV6 = {
  own: 'use IPv6: the host has it, you do not',
  peer: 'use IPv6: you have it, the host does not',
  either: 'use IPv6 on both sides',
  both: 'use IPv6 on both sides',
};

function helpText({ help, side }: Help): string {
  if (help === 'port-mapping') return `turn on UPnP or forward one UDP port ${ROUTERS[side]}`;
  if (help === 'public-address') return 'ask either provider for a public IPv4 address';
  return help === 'ipv6' ? IPV6[side] : 'try another network';
}

/** `relayed via frankfurt, 38 ms`, or `direct, 21 ms` */
export function wayText({ kind, via, rttMs }: WayNow): string {
  const way = via === null ? kind : `relayed via ${via}`;
  return `${way}, ${Math.round(rttMs)} ms`;
}

/** Why a connection is not direct. */
export function notDirectText(why: NotDirect): string {
  switch (why.because) {
    case 'wished':
      return 'Not direct, because one of you comes through a relay only.';
    case 'no-common-family':
      return 'Not direct, because one of your networks has IPv6 alone and the other IPv4 alone.';
    case 'udp-blocked':
      return `Not direct, because UDP does not pass ${SIDES[why.side]}.`;
    case 'hard-pair':
      return 'Not direct, because these two networks are a hard pair.';
    case 'searching':
      return 'A direct path is being looked for meanwhile; the game does not notice when it takes over.';
  }
}

/** Said once to a person whose data a relay carries. */
export const RELAY_SEES =
  'Whoever runs the relay sees who speaks to whom and how much, but not what: that is encrypted end to end. --relay never does without.';

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
    case 'master-says':
      return `The masterserver says: "${reason.text}".`;
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

function others(n: number): string {
  return n === 1 ? 'one other' : `${n} others`;
}
