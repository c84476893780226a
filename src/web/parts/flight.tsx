import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { t } from '../messages/index.ts';
import { type DrawnSalvo, flyingAt, probesOf, salvosOf } from './salvos.ts';

const FRAME_MS = 50;
const LEFT = 24;
const RIGHT = 376;
const LEFT_WALL = 100;
const RIGHT_WALL = 300;
/** Rows on which probes fly, so that many at once don't hide each other. */
const ROWS = 7;

/** The attempt under way: salvos as the log tells of them, while they fly. */
export function Flight(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const attempt = join.attempts.at(-1);
  const running = join.phase === 'punching' && attempt?.result === 'running';
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!running || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const timer = setInterval(() => {
      now.value = Date.now();
    }, FRAME_MS);
    return () => clearInterval(timer);
  }, [running]);
  const salvos = attempt === undefined ? [] : salvosOf(join, attempt.n);
  return (
    <>
      <Picture
        join={join}
        salvos={running ? salvos : []}
        at={now.value - join.startedAt}
        up={join.phase === 'connected'}
      />
      {salvos.length === 0 ? null : (
        <p class="dim" id="connect-probes">
          {t('connect.probes', { own: probesOf(salvos, 'client'), host: probesOf(salvos, 'host') })}
        </p>
      )}
    </>
  );
}

/** The two ends, their routers, and the probes in the air. Everything in it is also said in words. */
export function Picture(props: {
  readonly join: LocalJoin;
  readonly salvos: readonly DrawnSalvo[];
  readonly at: number;
  readonly up: boolean;
}) {
  const { join, salvos, at, up } = props;
  return (
    <svg class="flight" viewBox="0 0 400 70" role="img" aria-label={t('connect.picture')}>
      <line x1={LEFT} y1="35" x2={RIGHT} y2="35" class={up ? 'way up' : 'way'} />
      <circle cx={LEFT} cy="35" r="10" class="end" />
      <rect x={LEFT_WALL - 5} y="8" width="10" height="54" class={`wall ${join.own?.verdict ?? ''}`} />
      <rect x={RIGHT_WALL - 5} y="8" width="10" height="54" class={`wall ${join.peer?.verdict ?? ''}`} />
      <circle cx={RIGHT} cy="35" r="10" class="end" />
      {flyingAt(salvos, at).map(({ side, n, way }) => {
        const [from, to] = side === 'client' ? [LEFT, RIGHT_WALL] : [RIGHT, LEFT_WALL];
        return (
          <circle
            key={`${side}${n}`}
            r="3"
            cx={from + (to - from) * way}
            cy={14 + (n % ROWS) * 7}
            class={side === 'client' ? 'probe out' : 'probe in'}
          />
        );
      })}
    </svg>
  );
}
