/** The one place where what is told of a join becomes a text of the catalogue. */
import type { LocalJoin } from '../app/local-api.ts';
import type { PathKind } from '../core/model/pair.ts';
import type { FailureReason, Help, NatPair, NatView, NextAttempt, StageReason } from '../core/model/progress.ts';
import { t, tMaybe } from './messages/index.ts';

type NotDirect = NonNullable<LocalJoin['notDirect']>;

/** The two networks as a plan takes them. */
export function pairText({ own, peer }: NatPair): string {
  return t('pair.both', { own: natText(own), peer: natText(peer) });
}

function natText(nat: NatView): string {
  if (nat.kind === 'step') {
    const values = { step: nat.step, n: nat.perSecond };
    return nat.timed ? t('pair.nat.timed', values) : t('pair.nat.step', values);
  }
  if (nat.kind !== 'random') return t(`pair.nat.${nat.kind}`);
  const { low, high, addresses } = nat;
  return addresses > 1 ? t('pair.nat.pool', { low, high, n: addresses }) : t('pair.nat.random', { low, high });
}

/** The way that data takes. */
export function wayText(kind: PathKind, via: string | null): string {
  return via === null ? t(`connect.kind.${kind}`) : t('connect.via', { name: via });
}

/** Why it goes through a relay. */
export function notDirectText(why: NotDirect): string {
  if (why.because === 'udp-blocked') return t(`direct.udp-blocked.${why.side}`);
  return why.because === 'vpn-off' ? t(`direct.vpn-off.${why.side}`) : t(`direct.${why.because}`);
}

/** What would help this very pair, best first. */
export function adviceText(advice: readonly Help[]): string {
  return advice.map(({ help, side }) => t(`help.${help}.${side}`)).join(' ');
}

/** Why a join waits; empty where it does not. */
export function waitText(why: StageReason | null): string {
  if (why === null) return '';
  switch (why.because) {
    case 'failure':
      return t(`failure.${why.failure}`);
    case 'host-asked-about-others':
      return t('wait.host-asked-about-others', { n: why.ahead });
    case 'host-silent':
    case 'master-silent':
      return t(`wait.${why.because}`);
    default:
      return nextText(why);
  }
}

/** What the next attempt waits for, or what it changes, and why. */
export function nextText(next: NextAttempt): string {
  switch (next.because) {
    case 'host-connects-others':
      return t('wait.host-connects-others', { n: next.ahead });
    case 'host-rests':
      return t('wait.host-rests', { n: next.seconds });
    case 'unanswered':
      return t('wait.unanswered', { method: methodText(next.method) });
    case 'not-met': {
      const { method, last, own, peer } = next;
      const plan = method === last ? 'wait.again' : 'wait.other';
      const read = [
        ...(own === null ? [] : [t('wait.own', { nat: natText(own) })]),
        ...(peer === null ? [] : [t('wait.peer', { nat: natText(peer) })]),
      ];
      return [t(plan, { method: methodText(method) }), ...read].join(' ');
    }
  }
}

export function methodText(method: string): string {
  return tMaybe(`method.${method}`, method);
}

/** The true cause of a failure; empty where its code says all. */
export function reasonText(reason: FailureReason | null): string {
  if (reason === null) return '';
  switch (reason.because) {
    case 'other-key-for-name':
      return t('reason.other-key-for-name', { name: reason.name });
    case 'socket':
      return t('reason.socket', { error: reason.error });
    case 'code-malformed':
      return reason.foreign === ''
        ? t('reason.code-malformed', { symbols: reason.symbols })
        : t('reason.code-foreign', { foreign: reason.foreign });
    default:
      return t(`reason.${reason.because}`);
  }
}
