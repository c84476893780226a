import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { t } from '../messages/index.ts';
import { Picture } from './flight.tsx';
import { FLIGHT_MS, salvosOf } from './salvos.ts';

const FRAME_MS = 50;

/** An attempt that is over, once more: a slider over its time, and a button that lets it run. */
export function Replay(props: { readonly join: LocalJoin; readonly attempt: LocalJoin['attempts'][number] }) {
  const { join, attempt } = props;
  const salvos = salvosOf(join, attempt.n);
  const lines = join.log.filter((line) => line.attempt === attempt.n);
  const begin = lines[0]?.atMs ?? 0;
  // What comes after it (a rest, the end of the whole join) is told under its number, too.
  const over = lines.find(({ what }) => what === 'attempt-over') ?? lines.at(-1);
  const end = Math.max(begin, over?.atMs ?? 0) + FLIGHT_MS;
  const at = useSignal(begin);
  const playing = useSignal(false);
  useEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      at.value = Math.min(end, at.value + FRAME_MS);
      if (at.value >= end) playing.value = false;
    }, FRAME_MS);
    return () => clearInterval(timer);
  }, [playing.value]);
  if (salvos.length === 0) return null;
  const play = (): void => {
    if (!playing.value && at.value >= end) at.value = begin;
    playing.value = !playing.value;
  };
  return (
    <div class="replay">
      <Picture
        join={join}
        salvos={salvos}
        at={at.value}
        up={attempt.result === 'path' && at.value >= end - FLIGHT_MS}
      />
      <p class="actions">
        <button type="button" class="quiet" id="replay-toggle" onClick={play}>
          {playing.value ? t('play.pause') : t('connect.replay')}
        </button>
        <label>
          <span id="replay-time">{t('play.time', { ms: Math.round(at.value - begin) })}</span>{' '}
          <input
            type="range"
            id="replay-slider"
            min={begin}
            max={end}
            step="1"
            value={at.value}
            onInput={(event) => {
              playing.value = false;
              at.value = Number(event.currentTarget.value);
            }}
          />
        </label>
      </p>
    </div>
  );
}
