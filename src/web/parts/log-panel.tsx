import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { createMask, percent } from '../format.ts';
import { nextText } from '../join-words.ts';
import { streamer } from '../local.ts';
import { lineText } from '../log-words.ts';
import { t, tMaybe } from '../messages/index.ts';
import { CopyButton } from './copy-button.tsx';
import { Replay } from './replay.tsx';

/** A screen reader reads what is new in the log; more often than this nobody can follow. */
const LOG_REFRESH_MS = 1000;

type AttemptLog = LocalJoin['attempts'][number];

function attemptText(join: LocalJoin, attempt: AttemptLog | undefined): string {
  const lines = join.log.filter((line) => attempt === undefined || line.attempt === attempt.n).map(lineText);
  const head = attempt === undefined ? [] : [headText(attempt)];
  return [...head, ...lines].join('\n');
}

function headText({ n, method, expected, result, next }: AttemptLog): string {
  const plan = `${tMaybe(`method.${method}`, method)}, ${percent(expected)}, ${t(`result.${result}`)}`;
  return `${t('connect.attempt', { n })}: ${plan}${next === null ? '' : ` → ${nextText(next)}`}`;
}

/** Everything, in the order of the attempts; what came before the first stands on top. */
function wholeText(join: LocalJoin): string {
  if (join.attempts.length === 0) return attemptText(join, undefined);
  const before = join.log.filter((line) => line.attempt === null).map(lineText);
  return [before.join('\n'), ...join.attempts.map((entry) => attemptText(join, entry))].join('\n\n');
}

/** The newest value, but a new one at most every `ms`. */
function useAtMostEvery<Value>(value: Value, ms: number): Value {
  const shown = useSignal(value);
  const shownAt = useRef(Date.now());
  useEffect(() => {
    const show = (): void => {
      shownAt.current = Date.now();
      shown.value = value;
    };
    const timer = setTimeout(show, Math.max(0, shownAt.current + ms - Date.now()));
    return () => clearTimeout(timer);
  }, [value]);
  return shown.value;
}

/** docs/seed.md S28: the log of this attempt and of all, a slider over past attempts, copy either; addresses masked unless unticked. */
export function LogPanel(props: { readonly join: LocalJoin; readonly over: boolean }) {
  const { join } = props;
  const calm = useAtMostEvery(join, LOG_REFRESH_MS);
  // Once it is over nothing more comes, so the whole is shown at once.
  const shown = props.over ? join : calm;
  const chosen = useSignal<number | null>(null);
  const wished = useSignal(true);
  const masked = wished.value || streamer.value;
  const last = join.attempts.length;
  const index = Math.min(chosen.value ?? last, last);
  const attempt = join.attempts[index - 1];
  const hide = (text: string): string => (masked ? createMask()(text) : text);
  const save = (): void => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([hide(wholeText(join))], { type: 'text/plain' }));
    link.download = `sallyport-join-${join.id}.log`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <div class="log-panel stack">
      <h2>
        {t('connect.log')} {attempt === undefined ? '' : t('connect.logThis', { n: attempt.n })}
      </h2>
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
      {attempt === undefined || attempt.result === 'running' ? null : (
        <Replay key={attempt.n} join={join} attempt={attempt} />
      )}
      <pre class="log" role="log" id="connect-log" tabindex={0} aria-label={t('connect.log')}>
        {hide(attemptText(shown, shown.attempts[Math.min(index, shown.attempts.length) - 1]))}
      </pre>
      <p class="actions">
        <CopyButton text={() => hide(attemptText(join, attempt))} label={t('connect.copyThis')} id="copy-this" />
        <CopyButton text={() => hide(wholeText(join))} label={t('connect.copyAll')} id="copy-all" />
        <button type="button" class="quiet" onClick={save}>
          {t('connect.save')}
        </button>
        <label class="tick">
          <input
            type="checkbox"
            id="mask"
            checked={masked}
            disabled={streamer.value}
            onChange={(event) => (wished.value = event.currentTarget.checked)}
          />{' '}
          {t('connect.mask')}
        </label>
      </p>
    </div>
  );
}
