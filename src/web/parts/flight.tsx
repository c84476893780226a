import type { JoinView } from '../../agent/local-api.ts';
import { t } from '../messages/index.ts';

/** The two ends, their routers, and the probes as they fly. Purely a picture: everything in it is also said in words. */
export function Flight(props: { readonly join: JoinView }) {
  const { join } = props;
  const flying = join.phase === 'punching';
  const up = join.phase === 'connected';
  return (
    <svg class="flight" viewBox="0 0 400 70" role="img" aria-label={t('connect.picture')}>
      <line x1="20" y1="35" x2="380" y2="35" class={up ? 'way up' : 'way'} />
      <circle cx="20" cy="35" r="10" class="end" />
      <rect x="95" y="15" width="10" height="40" class={`wall ${join.own?.verdict ?? ''}`} />
      <rect x="295" y="15" width="10" height="40" class={`wall ${join.peer?.verdict ?? ''}`} />
      <circle cx="380" cy="35" r="10" class="end" />
      {flying ? (
        <>
          <circle r="4" cy="30" class="probe out" />
          <circle r="4" cy="40" class="probe in" />
        </>
      ) : null}
    </svg>
  );
}
