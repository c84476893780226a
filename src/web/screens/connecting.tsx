import { DoorOpen } from 'lucide';
import type { LocalJoin } from '../../app/local-api.ts';
import { percent } from '../format.ts';
import { adviceText, pairText, reasonText, waitText } from '../join-words.ts';
import { EmptyState } from '../kit/empty-state.tsx';
import { command, gavePassword, local, shownCode } from '../local.ts';
import { type MessageKey, t } from '../messages/index.ts';
import { ConnectAddress } from '../parts/connect-address.tsx';
import { ConnectDetails, ConnectProgress } from '../parts/connect-details.tsx';
import { ConnectFailure } from '../parts/connect-failure.tsx';
import { Flight } from '../parts/flight.tsx';
import { isAsked, isOver } from '../parts/join-over.ts';
import { followInPage, go } from '../router.ts';

export function Connecting(props: { readonly join: number | null }) {
  const joins = local.value?.joins ?? [];
  const join = props.join === null ? joins.at(-1) : joins.find((entry) => entry.id === props.join);
  if (join !== undefined) return <JoinWindow key={join.id} join={join} />;
  if (local.value === null) return <p role="status">…</p>;
  return (
    <EmptyState icon={DoorOpen} title={t('connect.none')}>
      <a class="button" href="/" onClick={followInPage}>
        {t('home.join')}
      </a>
    </EmptyState>
  );
}

function JoinWindow(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const over = isOver(join);
  // At once: whoever has gone on to another screen by the time of the answer must not be fetched back.
  const close = (): void => {
    go('/');
    void command({ do: 'forget', join: join.id });
  };
  const leave = over ? (
    <button type="button" class="quiet" id="connect-close" onClick={close}>
      {t('common.close')}
    </button>
  ) : (
    <button
      type="button"
      class="danger"
      id="connect-abort"
      onClick={() => void command({ do: 'abort', join: join.id })}
    >
      {join.phase === 'connected' ? t('connect.leave') : t('connect.abort')}
    </button>
  );
  return (
    <section class="connecting stack" aria-labelledby="connect-title" data-asked={isAsked(join)}>
      <div class="row-line spread">
        <h1 id="connect-title">
          {t(titleOf(join), { name: join.hostName === '' ? shownCode(join.target) : join.hostName })}
        </h1>
        {join.phase === 'failed' ? null : leave}
      </div>
      <p class={toneOf(join)} aria-live="polite" id="connect-sentence">
        {sentence(join)}
      </p>
      {join.path === null || over ? null : <ConnectAddress join={join} path={join.path} />}
      {join.phase === 'failed' ? (
        <ConnectFailure join={join}>{leave}</ConnectFailure>
      ) : (
        <div class="card">
          <Flight join={join} />
          <ConnectProgress join={join} />
          <Hard join={join} />
        </div>
      )}
      <ConnectDetails join={join} />
    </section>
  );
}

/** A password that is asked for is no fault. */
function toneOf({ phase, failure, silent }: LocalJoin): string {
  if (phase === 'connected' && silent) return 'notice sentence';
  if (phase !== 'failed') return 'sentence';
  return failure === 'PASSWORD' ? 'notice info sentence' : 'notice bad sentence';
}

function titleOf(join: LocalJoin): MessageKey {
  if (join.phase === 'connected') return 'connect.connectedTitle';
  if (join.failure === 'PASSWORD') return 'connect.passwordTitle';
  if (join.phase === 'failed') return 'connect.failedTitle';
  if (isAsked(join)) return 'connect.askedTitle';
  return isOver(join) && join.path !== null ? 'connect.overTitle' : 'connect.title';
}

/** A rest between two attempts; or somebody is waited for, and said to be. */
function waiting({ why }: LocalJoin): string {
  const rests = why !== null && (why.because === 'not-met' || why.because === 'unanswered');
  return rests ? `${t('connect.s.waiting')} ${waitText(why)}` : waitText(why);
}

function sentence(join: LocalJoin): string {
  if (join.ended !== null) return t(`connect.s.${join.ended}`);
  if (join.phase === 'failed') {
    // Nothing was wrong before a password has been given.
    if (join.failure === 'PASSWORD' && !gavePassword.value.has(join.id)) return t('connect.s.locked');
    const said = join.failure === null ? t('connect.s.failed') : t(`failure.${join.failure}`);
    return `${said} ${reasonText(join.detail)}`.trim();
  }
  if (join.phase === 'punching' && join.hostLeft) return t('connect.s.hostLeft');
  if (!isOver(join) && (join.stage === 'asked' || join.stage === 'queued')) return t(`connect.s.${join.stage}`);
  if (!isOver(join) && join.phase !== 'connected' && join.stage === 'waiting') return waiting(join);
  if (join.phase === 'punching' && join.path !== null) return t('connect.s.lost');
  if (join.phase === 'connected' && join.silent) return t('connect.s.silent');
  if (join.phase === 'connected' && join.path?.kind === 'relay') return t('connect.s.relayed');
  return t(`connect.s.${join.phase}`);
}

/** It may take long, and why; said while it goes on. */
function Hard(props: { readonly join: LocalJoin }) {
  const { join } = props;
  if (join.hard === null || join.endedAtMs !== null || join.phase === 'connected') return null;
  return (
    <p class="notice" role="status" id="connect-hard">
      {t('connect.hard', { percent: percent(join.hard.likely) })} {pairText(join.hard.pair)} {t('help.title')}{' '}
      {adviceText(join.hard.advice)}
    </p>
  );
}
