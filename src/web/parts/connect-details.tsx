import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { clock, number, percent } from '../format.ts';
import { type MessageKey, t, tMaybe } from '../messages/index.ts';
import { isAsked, isOver } from './join-over.ts';
import { LogPanel } from './log-panel.tsx';
import { probesOf, salvosOf } from './salvos.ts';

const STAGES = ['found', 'networks', 'punching', 'checking', 'ready'] as const;

/** How far it is and how long it took, for everybody. */
export function ConnectProgress(props: { readonly join: LocalJoin }) {
  return (
    <div class="progress">
      <Stages join={props.join} />
      <Progress join={props.join} />
    </div>
  );
}

/** Plan, numbers and log, for whoever unfolds them. */
export function ConnectDetails(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const attempt = join.attempts.at(-1);
  const salvos = attempt === undefined ? [] : salvosOf(join, attempt.n);
  return (
    <details class="card" id="connect-details">
      <summary>{t('connect.details')}</summary>
      {attempt === undefined ? null : (
        <p class="dim">
          {t('connect.plan', {
            method: tMaybe(`method.${attempt.method}`, attempt.method),
            percent: percent(attempt.expected),
          })}
        </p>
      )}
      <p class="dim">
        {t('connect.packets', { n: join.packetsSent })}
        {join.path === null ? null : `, ${t('connect.payload', { n: join.path.payloadBytesMax })}`}
      </p>
      {salvos.length === 0 ? null : (
        <p class="dim" id="connect-probes">
          {t('connect.probes', { own: probesOf(salvos, 'client'), host: probesOf(salvos, 'host') })}
        </p>
      )}
      <LogPanel join={join} over={isOver(join)} />
    </details>
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

/** Attempt, and total time since the beginning (docs/seed.md S22). */
function Progress(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const now = useNow(join.endedAtMs === null && join.phase !== 'connected');
  if (join.phase === 'connected' && join.path !== null) return <Took {...join.path} n={join.attempts.length} />;
  const total = join.endedAtMs ?? now - join.startedAt;
  const attempt = join.attempts.at(-1);
  return (
    <p class="dim num">
      {attempt === undefined ? null : <span id="connect-attempt">{t('connect.attempt', { n: attempt.n })} · </span>}
      <span id="connect-time">{t('connect.total', { time: clock(total) })}</span>
    </p>
  );
}

/** What it took, once it is done. */
function Took(props: { readonly elapsedMs: number; readonly n: number }) {
  return (
    <p class="dim num" id="connect-time">
      {t('connect.took', { seconds: number(props.elapsedMs / 1000, 1) })}
      {props.n > 1 ? ` · ${t('connect.attempt', { n: props.n })}` : ''}
    </p>
  );
}

/** How many of the stages lie behind this join, by what has really been told of it; kept when it is stopped or fails. */
function stagesDone(join: LocalJoin): number {
  if (join.path !== null) return join.local === '' ? 4 : STAGES.length;
  // "Looking for a way" is the stage that an attempt is in, so it is done only by the proof that makes the path.
  return join.peer !== null ? 2 : join.found ? 1 : 0;
}

type StageState = 'done' | 'now' | 'later';

/** What is said of a stage: while somebody has to say yes that is what is waited for, and a way that was looked for is found. */
function stageKey(join: LocalJoin, stage: (typeof STAGES)[number], state: StageState): MessageKey {
  if (state === 'now' && isAsked(join)) return 'connect.stage.asked';
  return stage === 'punching' && state === 'done' ? 'connect.stage.found-way' : `connect.stage.${stage}`;
}

function Stages(props: { readonly join: LocalJoin }) {
  const done = stagesDone(props.join);
  const current = isOver(props.join) ? -1 : done;
  return (
    <ol class="stages" aria-label={t('connect.stages')}>
      {STAGES.map((stage, index) => {
        const state: StageState = index < done ? 'done' : index === current ? 'now' : 'later';
        const key = stageKey(props.join, stage, state);
        return (
          <li key={stage} class={state} data-stage={key} aria-current={state === 'now' ? 'step' : undefined}>
            <span aria-hidden="true">{state === 'done' ? '●' : state === 'now' ? '◐' : '○'}</span> {t(key)}
            <span class="hidden"> ({t(`connect.${state}`)})</span>
          </li>
        );
      })}
    </ol>
  );
}
