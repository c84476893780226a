import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { AttemptView, JoinPhase, JoinView, LogLine } from '../../agent/local-api.ts';
import { clock, createMask, percent } from '../format.ts';
import { command, local } from '../local.ts';
import { t, tMaybe } from '../messages/index.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { Flight } from '../parts/flight.tsx';
import { VerdictBadge } from '../parts/verdict.tsx';
import { go } from '../router.ts';

/** How far a join has come, for the row of stages. */
const REACHED: Readonly<Record<JoinPhase, number>> = {
  resolving: 0,
  networks: 1,
  punching: 2,
  connected: 5,
  stopped: -1,
  failed: -1,
};
const STAGES = ['found', 'networks', 'punching', 'checking', 'ready'] as const;

export function Connecting(props: { readonly join: number | null }) {
  const joins = local.value?.joins ?? [];
  const join = joins.find((entry) => entry.id === props.join) ?? joins.at(-1);
  if (join === undefined) return <p class="empty">{t('connect.none')}</p>;
  return <JoinWindow join={join} />;
}

function isOver(join: JoinView): boolean {
  return join.phase === 'stopped' || join.phase === 'failed';
}

function JoinWindow(props: { readonly join: JoinView }) {
  const { join } = props;
  const title = join.phase === 'connected' ? 'connect.connectedTitle' : 'connect.title';
  const close = async (): Promise<void> => {
    await command({ do: 'forget', join: join.id });
    go('/');
  };
  return (
    <section class="connecting" aria-labelledby="connect-title">
      <h1 id="connect-title">{t(title, { name: join.hostName === '' ? join.target : join.hostName })}</h1>
      <p class="ends">
        {t('connect.you')} {join.own === null ? '…' : <VerdictBadge verdict={join.own.verdict} />}
        <span aria-hidden="true"> ──▶ </span>
        {join.peer === null ? '…' : <VerdictBadge verdict={join.peer.verdict} />} {t('connect.host')}
      </p>
      <Flight join={join} />
      <Progress join={join} />
      <Stages phase={join.phase} />
      <p class="sentence" aria-live="polite" id="connect-sentence">
        {sentence(join)}
      </p>
      {join.path === null || join.phase !== 'connected' ? null : (
        <p>
          <span class="big-code" id="connect-address">
            {join.path.local}
          </span>{' '}
          <CopyButton text={() => join.path?.local ?? ''} id="copy-address" />
          <br />
          <span class="dim">
            {t(`connect.kind.${join.path.kind}`)} · {Math.round(join.path.rttMs)} ms
          </span>
        </p>
      )}
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
      <LogPanel join={join} />
    </section>
  );
}

function sentence(join: JoinView): string {
  if (join.phase === 'failed') return join.failure === null ? t('connect.s.failed') : t(`failure.${join.failure}`);
  return t(`connect.s.${join.phase}`);
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
function Progress(props: { readonly join: JoinView }) {
  const { join } = props;
  const running = join.endedAt === null && join.phase !== 'connected';
  const now = useNow(running);
  const total = join.path?.elapsedMs ?? (join.endedAt ?? now) - join.startedAt;
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
      {running && total > 15_000 ? (
        <p class="notice" role="status">
          {t('connect.hint')}
        </p>
      ) : null}
    </>
  );
}

function Stages(props: { readonly phase: JoinPhase }) {
  const reached = REACHED[props.phase];
  if (reached < 0) return null;
  return (
    <ol class="stages" aria-label={t('connect.stages')}>
      {STAGES.map((stage, index) => {
        const state = index < reached ? 'done' : index === reached ? 'now' : 'later';
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

function lineText(line: LogLine): string {
  const data = Object.entries(line.data)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  return `${(line.atMs / 1000).toFixed(3).padStart(8)} s  #${line.attempt}  ${line.what}${data === '' ? '' : `  ${data}`}`;
}

function attemptText(join: JoinView, attempt: AttemptView | undefined): string {
  const lines = join.log.filter((line) => attempt === undefined || line.attempt === attempt.n).map(lineText);
  const head =
    attempt === undefined
      ? []
      : [
          `${t('connect.attempt', { n: attempt.n })}: ${attempt.method}, ${percent(attempt.expected)}, ${attempt.result}${attempt.next === '' ? '' : ` → ${attempt.next}`}`,
        ];
  return [...head, ...lines].join('\n');
}

/** S28: the log of this attempt and of all, a slider over past attempts, copy either; addresses masked unless unticked. */
function LogPanel(props: { readonly join: JoinView }) {
  const { join } = props;
  const chosen = useSignal<number | null>(null);
  const masked = useSignal(true);
  const last = join.attempts.length;
  const index = Math.min(chosen.value ?? last, last);
  const attempt = join.attempts[index - 1];
  const hide = (text: string): string => (masked.value ? createMask()(text) : text);
  const all = (): string =>
    hide(
      join.attempts.length === 0
        ? attemptText(join, undefined)
        : [
            join.log
              .filter((line) => line.attempt === 0)
              .map(lineText)
              .join('\n'),
            ...join.attempts.map((entry) => attemptText(join, entry)),
          ].join('\n\n'),
    );
  const save = (): void => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([all()], { type: 'text/plain' }));
    link.download = `sallyport-join-${join.id}.log`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <details class="log-panel" open>
      <summary>
        {t('connect.log')} {attempt === undefined ? '' : t('connect.logThis', { n: attempt.n })}
      </summary>
      {last > 1 ? (
        <label>
          {t('connect.logAttempt')}{' '}
          <input
            id="attempt-slider"
            type="range"
            min="1"
            max={last}
            value={index}
            onInput={(event) => (chosen.value = Number(event.currentTarget.value))}
          />{' '}
          {index}/{last}
        </label>
      ) : null}
      <pre class="log" role="log" id="connect-log" tabindex={0} aria-label={t('connect.log')}>
        {hide(attemptText(join, attempt))}
      </pre>
      <p class="actions">
        <CopyButton text={() => hide(attemptText(join, attempt))} label={t('connect.copyThis')} id="copy-this" />
        <CopyButton text={all} label={t('connect.copyAll')} id="copy-all" />
        <button type="button" class="quiet" onClick={save}>
          {t('common.save')}
        </button>
        <label class="tick">
          <input
            type="checkbox"
            id="mask"
            checked={masked.value}
            onChange={(event) => (masked.value = event.currentTarget.checked)}
          />{' '}
          {t('connect.mask')}
        </label>
      </p>
    </details>
  );
}
