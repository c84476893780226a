import type { IconNode } from 'lucide';
import { Globe, Laptop, RadioTower, Router } from 'lucide';
import type { NatProfile } from '../../core/nat/profile.ts';
import { Icon } from '../kit/icon.tsx';
import { type MessageKey, t } from '../messages/index.ts';

interface Stop {
  readonly id: 'computer' | 'router' | 'carrier' | 'internet';
  readonly icon: IconNode;
  readonly says: MessageKey;
  readonly tone: 'good' | 'fair' | 'bad' | 'plain';
}

/** The way out of this computer, stop by stop, and what each does to a game's packets. */
export function WayOut(props: { readonly profile: NatProfile }) {
  return (
    <ol class="way-out plain" aria-label={t('net.way')}>
      {stopsOf(props.profile).map(({ id, icon, says, tone }) => (
        <li key={id} class={tone} data-stop={id}>
          <span class="node">
            <Icon of={icon} />
          </span>
          <strong>{t(`net.stop.${id}`)}</strong>
          <span>{t(says)}</span>
        </li>
      ))}
    </ol>
  );
}

function stopsOf(profile: NatProfile): readonly Stop[] {
  return [
    { id: 'computer', icon: Laptop, says: 'net.stop.computer.says', tone: 'good' },
    { id: 'router', icon: Router, ...routerOf(profile) },
    { id: 'carrier', icon: RadioTower, ...carrierOf(profile) },
    { id: 'internet', icon: Globe, says: `net.stop.internet.${profile.verdict}`, tone: TONES[profile.verdict] },
  ];
}

const TONES = { open: 'good', moderate: 'fair', strict: 'bad' } as const;

function routerOf({ type, mapping, portMapping }: NatProfile): Pick<Stop, 'says' | 'tone'> {
  if (type === 'public') return { says: 'net.stop.router.none', tone: 'good' };
  if (type === 'blocked') return { says: 'net.stop.router.blocked', tone: 'bad' };
  if (portMapping.external !== null) return { says: 'net.stop.router.opens', tone: 'good' };
  if (mapping === 'eim') return { says: 'net.stop.router.keeps', tone: 'good' };
  return mapping === 'unknown'
    ? { says: 'net.stop.router.unknown', tone: 'plain' }
    : { says: 'net.stop.router.changes', tone: 'fair' };
}

function carrierOf({ type, layers }: NatProfile): Pick<Stop, 'says' | 'tone'> {
  if (type === 'public' || layers === 0 || layers === 1) return { says: 'net.stop.carrier.none', tone: 'good' };
  return layers === null
    ? { says: 'net.stop.carrier.unknown', tone: 'plain' }
    : { says: 'net.stop.carrier.second', tone: 'fair' };
}
