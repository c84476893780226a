import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { clock, percent } from '../format.ts';
import { adviceText, notDirectText, pairText, reasonText, waitText, wayText } from '../join-words.ts';
import { command, joinTarget, local, shownCode } from '../local.ts';
import { type MessageKey, t, tMaybe } from '../messages/index.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { Flight } from '../parts/flight.tsx';
import { LogPanel } from '../parts/log-panel.tsx';
import { VerdictBadge } from '../parts/verdict.tsx';
import { Words } from '../parts/words.tsx';
import { go } from '../router.ts';

const STAGES = ['found', 'networks', 'punching', 'checking', 'ready'] as const;

export function Connecting(props: { readonly join: number | null }) {
  const joins = local.value?.joins ?? [];
  const join = props.join === null ? joins.at(-1) : joins.find((entry) => entry.id === props.join);
  if (join === undefined)
    return local.value === null ? <p role="status">…</p> : <p class="empty">{t('connect.none')}</p>;
  return <JoinWindow key={join.id} join={join} />;
}

function isOver(join: LocalJoin): boolean {
  return join.phase === 'stopped' || join.phase === 'failed';
}

function JoinWindow(props: { readonly join: LocalJoin }) {
  const { join } = props;
  // At once: whoever has gone on to another screen by the time of the answer must not be fetched back.
  const close = (): void => {
    go('/');
    void command({ do: 'forget', join: join.id });
  };
  return (
    <section class="connecting" aria-labelledby="connect-title">
      <h1 id="connect-title">
        {t(titleOf(join), { name: join.hostName === '' ? shownCode(join.target) : join.hostName })}
      </h1>
      <p class="ends">
        <span>
          {t('connect.you')} {join.own === null ? '…' : <VerdictBadge verdict={join.own.verdict} />}
        </span>
        <span>
          {join.peer === null ? '…' : <VerdictBadge verdict={join.peer.verdict} />} {t('connect.host')}
        </span>
      </p>
      <Flight join={join} />
      <Progress join={join} />
      <Stages join={join} />
      <p class="sentence" aria-live="polite" id="connect-sentence">
        {sentence(join)}
      </p>
      {join.path === null || isOver(join) ? null : <Address join={join} path={join.path} />}
      {join.failure === 'PASSWORD' ? <PasswordForm join={join} /> : null}
      {join.failure === 'HOST_KEY_CHANGED' ? <NewKey join={join} /> : null}
      <p class="actions">
        {isOver(join) ? (
          <button type="button" id="connect-close" onClick={close}>
            {t('common.close')}
          </button>
        ) : (
          <button
            type="button"
            class="danger"
            id="connect-abort"
            onClick={() => void command({ do: 'abort', join: join.id })}
          >
            {join.phase === 'connected' ? t('common.stop') : t('connect.abort')}
          </button>
        )}
      </p>
      <LogPanel join={join} over={isOver(join)} />
    </section>
  );
}

function titleOf(join: LocalJoin): MessageKey {
  if (join.phase === 'connected') return 'connect.connectedTitle';
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
    const said = join.failure === null ? t('connect.s.failed') : t(`failure.${join.failure}`);
    return `${said} ${reasonText(join.detail)}`.trim();
  }
  if (join.phase === 'punching' && join.hostLeft) return t('connect.s.hostLeft');
  if (!isOver(join) && (join.stage === 'asked' || join.stage === 'queued')) return t(`connect.s.${join.stage}`);
  if (!isOver(join) && join.phase !== 'connected' && join.stage === 'waiting') return waiting(join);
  if (join.phase === 'punching' && join.path !== null) return t('connect.s.lost');
  if (join.phase === 'connected' && join.path?.kind === 'relay') return t('connect.s.relayed');
  return t(`connect.s.${join.phase}`);
}

function Address(props: { readonly join: LocalJoin; readonly path: NonNullable<LocalJoin['path']> }) {
  const { join, path } = props;
  return (
    <>
      <p class="address">
        <span class="big-code" id="connect-address">
          {join.local}
        </span>{' '}
        <CopyButton text={() => join.local} id="copy-address" />
      </p>
      {join.services.length < 2 ? null : (
        <ul class="services" id="connect-services">
          {join.services.map(({ port, protocols, local: at }) => (
            <li key={port}>
              <code>{at}</code> {protocols} <CopyButton text={() => at} id={`copy-address-${port}`} />
            </li>
          ))}
        </ul>
      )}
      {join.portTaken === null ? null : (
        <p class="notice" id="connect-port-taken">
          {t('connect.portTaken', { port: join.portTaken })}
        </p>
      )}
      {join.phase !== 'connected'
        ? null
        : join.gamesQuiet.slice(0, 1).map(({ state }) => (
            <p key={state} class="notice" role="status" id="connect-game-quiet">
              {t(`connect.game.${state}`)}
            </p>
          ))}
      {join.seatsFull ? (
        <p class="notice" role="status" id="connect-seats-full">
          {t('connect.seatsFull')}
        </p>
      ) : null}
      <p class="dim">
        <span id="connect-way">
          {wayText(path.kind, path.via)} · {t('connect.rtt', { ms: Math.round(path.rttMs) })}
        </span>{' '}
        · {t('connect.payload', { n: path.payloadBytesMax })}
      </p>
      {join.notDirect === null ? null : (
        <p class="notice" role="status" id="connect-not-direct">
          {notDirectText(join.notDirect)}{' '}
          {join.hard === null ? '' : `${pairText(join.hard.pair)} ${t('help.title')} ${adviceText(join.hard.advice)}`}{' '}
          {t('direct.sees')}
        </p>
      )}
      <Words words={path.words} />
    </>
  );
}

/** The host asks for a password: the same join again with it. The one that failed has told all it can, so it goes. */
function PasswordForm(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const typed = useSignal('');
  const error = useSignal<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    error.value = await joinTarget(join.target, typed.value, join.newKey);
    if (error.value === null) await command({ do: 'forget', join: join.id });
  };
  return (
    <form class="bar" onSubmit={submit}>
      <label>
        {t('host.passwordField')}
        <input
          id="join-password"
          type="password"
          autocomplete="off"
          required
          ref={field}
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" id="join-again">
        {t('connect.again')}
      </button>
      <p class="error" role="alert">
        {error.value}
      </p>
    </form>
  );
}

/** The host has another key: joined only by a person's decision, after asking whoever hosts. */
function NewKey(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const error = useSignal<string | null>(null);
  const accept = async (): Promise<void> => {
    error.value = await joinTarget(join.target, '', true);
    if (error.value === null) await command({ do: 'forget', join: join.id });
  };
  return (
    <>
      <p class="notice">{t('connect.newKeyAbout')}</p>
      <p class="actions">
        <button type="button" class="danger" id="join-new-key" onClick={accept}>
          {t('connect.newKey')}
        </button>
      </p>
      <p class="error" role="alert">
        {error.value}
      </p>
    </>
  );
}

function useNow(running: boolean): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 500);
    return () => clearInterval(timer);
  }, [running]);
  return now.value;
}

/** Attempt, total time since the beginning (S22), packets, and what the plan promises. */
function Progress(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const running = join.endedAtMs === null && join.phase !== 'connected';
  const now = useNow(running);
  const total =
    join.phase === 'connected' && join.path !== null ? join.path.elapsedMs : (join.endedAtMs ?? now - join.startedAt);
  const attempt = join.attempts.at(-1);
  return (
    <>
      <p class="progress">
        {attempt === undefined ? null : <span id="connect-attempt">{t('connect.attempt', { n: attempt.n })} · </span>}
        <span id="connect-time">{t('connect.total', { time: clock(total) })}</span> ·{' '}
        {t('connect.packets', { n: join.packetsSent })}
      </p>
      {attempt === undefined ? null : (
        <p class="dim">
          {t('connect.plan', {
            method: tMaybe(`method.${attempt.method}`, attempt.method),
            percent: percent(attempt.expected),
          })}
        </p>
      )}
      {running && join.hard !== null ? (
        <p class="notice" role="status" id="connect-hard">
          {t('connect.hard', { percent: percent(join.hard.likely) })} {pairText(join.hard.pair)} {t('help.title')}{' '}
          {adviceText(join.hard.advice)}
        </p>
      ) : null}
    </>
  );
}

/** How many of the stages lie behind this join, by what has really been told of it; kept when it is stopped or fails. */
function stagesDone(join: LocalJoin): number {
  if (join.path !== null) return join.local === '' ? 4 : STAGES.length;
  // "Looking for a way" is the stage that an attempt is in, so it is done only by the proof that makes the path.
  return join.peer !== null ? 2 : join.found ? 1 : 0;
}

function Stages(props: { readonly join: LocalJoin }) {
  const done = stagesDone(props.join);
  const current = isOver(props.join) ? -1 : done;
  return (
    <ol class="stages" aria-label={t('connect.stages')}>
      {STAGES.map((stage, index) => {
        const state = index < done ? 'done' : index === current ? 'now' : 'later';
        return (
          <li key={stage} class={state} aria-current={state === 'now' ? 'step' : undefined}>
            <span aria-hidden="true">{state === 'done' ? '●' : state === 'now' ? '◐' : '○'}</span>{' '}
            {t(`connect.stage.${stage}`)}
            <span class="hidden"> ({t(`connect.${state}`)})</span>
          </li>
        );
      })}
    </ol>
  );
}
