import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { t } from '../messages/index.ts';
import { GATES, type GateState, Gates } from './gates.tsx';
import { isAsked } from './join-over.ts';
import { type DrawnSalvo, flyingAt, salvosOf } from './salvos.ts';
import { VerdictBadge } from './verdict.tsx';

const FRAME_MS = 50;
/** Rows on which probes fly, so that many at once don't hide each other. */
const ROWS = 7;
const ROW_HEIGHT = 6;
const TOP_ROW = 94;

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
  const salvos = attempt === undefined || !running ? [] : salvosOf(join, attempt.n);
  return (
    <div class="flight">
      <Picture
        join={join}
        salvos={salvos}
        at={now.value - join.startedAt}
        up={join.phase === 'connected' && !join.silent}
      />
      <p class="ends">
        <span>
          {t('connect.you')} {join.own === null ? null : <VerdictBadge verdict={join.own.verdict} />}
        </span>
        <span>
          {join.peer === null ? null : <VerdictBadge verdict={join.peer.verdict} />} {t('connect.host')}
        </span>
      </p>
    </div>
  );
}

/** Shut until the network behind it is known, ajar while it is opened from the inside. */
function gateOf(view: LocalJoin['own'], up: boolean): GateState {
  if (up) return 'open';
  return view === null || view.verdict === 'strict' ? 'shut' : view.verdict === 'open' ? 'open' : 'ajar';
}

/** The two ends, their routers, and the probes in the air. Everything in it is also said in words. */
export function Picture(props: {
  readonly join: LocalJoin;
  readonly salvos: readonly DrawnSalvo[];
  readonly at: number;
  readonly up: boolean;
}) {
  const { join, salvos, at, up } = props;
  const { you, host, ownWall, peerWall } = GATES;
  return (
    <Gates
      label={t('connect.picture')}
      own={gateOf(join.own, up)}
      peer={gateOf(join.peer, up)}
      up={up}
      knocks={isAsked(join)}
    >
      {flyingAt(salvos, at).map(({ side, n, way }) => {
        const [from, to] = side === 'client' ? [you, peerWall] : [host, ownWall];
        return (
          <circle
            key={`${side}${n}`}
            r="4"
            cx={from + (to - from) * way}
            cy={TOP_ROW + (n % ROWS) * ROW_HEIGHT}
            class={side === 'client' ? 'probe out' : 'probe in'}
          />
        );
      })}
    </Gates>
  );
}
