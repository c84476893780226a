import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ConnectionWays } from '../../app/local-api.ts';
import { percent } from '../format.ts';
import { wayText } from '../join-words.ts';
import { Badge } from '../kit/badge.tsx';
import { command } from '../local.ts';
import { t } from '../messages/index.ts';

/** As often as the figures of friends are new. */
const LOOK_MS = 2_000;

/** All ways of a connection, folded away; asked for while they are unfolded. No addresses: whoever streams shows none. */
export function Ways(props: { readonly of: (connection: ConnectionWays) => boolean }) {
  const open = useSignal(false);
  const ways = useSignal<ConnectionWays['ways']>([]);
  useEffect(() => {
    if (!open.value) return;
    const look = async (): Promise<void> => {
      const answer = await command({ do: 'paths' });
      if (answer.ok) ways.value = (answer.connections ?? []).filter(props.of).flatMap((one) => one.ways);
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, [open.value]);
  return (
    <details class="words ways" onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>{t('ways.title')}</summary>
      <ul class="plain">
        {ways.value.map((way) => (
          <li key={`${way.kind} ${way.remote.address} ${way.remote.port}`} data-kind={way.kind} data-state={way.state}>
            {wayText(way.kind, way.via)} · {t('connect.rtt', { ms: Math.round(way.rttMs) })} ·{' '}
            {t('host.loss', { percent: percent(way.loss) })} · {t(`ways.${way.state}`)}{' '}
            {way.carries ? <Badge tone="good">{t('ways.carries')}</Badge> : null}
          </li>
        ))}
      </ul>
    </details>
  );
}
