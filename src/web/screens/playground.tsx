import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { SIM_CLASSES, type SimClassId, type TraceObject } from '../../sim/index.ts';
import { waitText } from '../join-words.ts';
import { t } from '../messages/index.ts';
import { type Flight, flightsOf, parseTrace, positionAt } from '../playground/flight.ts';
import { type PlayEvent, type PlayRun, run } from '../playground/run.ts';

const WIDTH = 800;
const HEIGHT = 180;
const MARGIN = 60;
/** Virtual milliseconds shown per real second while playing. */
const PLAY_SPEED = 100;
const FRAME_MS = 40;
const DRAWN_MAX = 400;

/** The real machines in the simulated internet: pick two kinds of NAT, watch, step, or open the trace of a bug report. */
export function Playground() {
  const client = useSignal<SimClassId>('P3');
  const host = useSignal<SimClassId>('S2');
  const seed = useSignal('1');
  const loss = useSignal('0');
  const delay = useSignal('20');
  const played = useSignal<PlayRun | null>(null);
  const opened = useSignal<readonly TraceObject[] | null>(null);
  const error = useSignal<string | null>(null);
  const start = (event: Event): void => {
    event.preventDefault();
    opened.value = null;
    error.value = null;
    played.value = run({
      client: client.value,
      host: host.value,
      seed: Number(seed.value),
      lossRate: Number(loss.value) / 100,
      delayMs: Number(delay.value),
    });
  };
  const open = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const lines = parseTrace(await file.text());
    error.value = lines === null ? t('play.badTrace') : null;
    opened.value = lines;
    if (lines !== null) played.value = null;
  };
  const kind = (id: string, text: string, value: { value: SimClassId }) => (
    <label>
      {text}
      <select id={id} value={value.value} onChange={(event) => (value.value = event.currentTarget.value as SimClassId)}>
        {SIM_CLASSES.map((name) => (
          <option key={name} value={name}>
            {name}: {t(`play.class.${name}`)}
          </option>
        ))}
      </select>
    </label>
  );
  const number = (id: string, text: string, value: { value: string }, max: number) => (
    <label>
      {text}
      <input
        id={id}
        class="short"
        type="number"
        min="0"
        max={max}
        value={value.value}
        onInput={(event) => (value.value = event.currentTarget.value)}
      />
    </label>
  );
  return (
    <section aria-labelledby="play-title">
      <h1 id="play-title">{t('play.title')}</h1>
      <p>{t('play.intro')}</p>
      <form class="bar" onSubmit={start}>
        {kind('play-client', t('play.client'), client)}
        {kind('play-host', t('play.host'), host)}
        {number('play-seed', t('play.seed'), seed, 999_999)}
        {number('play-loss', t('play.loss'), loss, 50)}
        {number('play-delay', t('play.delay'), delay, 500)}
        <button type="submit" id="play-run">
          {t('play.run')}
        </button>
        <label>
          {t('play.open')}{' '}
          <input
            id="play-file"
            type="file"
            accept=".json,.jsonl,.txt"
            onChange={(event) => void open(event.currentTarget.files?.[0])}
          />
        </label>
      </form>
      <p class="error" role="alert">
        {error.value}
      </p>
      {played.value === null ? null : <Result run={played.value} />}
      {played.value !== null ? (
        <Player key={`run-${played.value.lines.length}`} lines={played.value.lines} events={played.value.events} />
      ) : null}
      {opened.value !== null ? <Player key={`file-${opened.value.length}`} lines={opened.value} events={[]} /> : null}
    </section>
  );
}

function Result(props: { readonly run: PlayRun }) {
  const { run: done } = props;
  const values = { ms: Math.round(done.elapsedMs), n: done.attempts, packets: done.packets };
  return (
    <div aria-live="polite">
      <p id="play-result">
        <strong>{done.connected ? t('play.result.path', values) : t('play.result.none', values)}</strong>
      </p>
      <p class="dim">
        {t('play.client')}: <span class="simulated">{done.client}</span>
        <br />
        {t('play.host')}: <span class="simulated">{done.host}</span>
      </p>
    </div>
  );
}

function Player(props: { readonly lines: readonly TraceObject[]; readonly events: readonly PlayEvent[] }) {
  const { lines, events } = props;
  const servers = useSignal(false);
  const flights = useComputed(() => flightsOf(lines, servers.value));
  const end = lines.at(-1)?.at ?? 0;
  const begin = events.find(({ event }) => event.ev === 'stage')?.at ?? lines[0]?.at ?? 0;
  const now = useSignal(begin);
  const playing = useSignal(!matchMedia('(prefers-reduced-motion: reduce)').matches);
  useSignalEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      now.value = Math.min(end, now.peek() + (PLAY_SPEED * FRAME_MS) / 1000);
      if (now.peek() >= end) playing.value = false;
    }, FRAME_MS);
    return () => clearInterval(timer);
  });
  const step = (): void => {
    playing.value = false;
    now.value = lines.find(({ at }) => at > now.value)?.at ?? end;
  };
  return (
    <div class="player">
      <Picture flights={flights.value} now={now.value} />
      <p class="actions">
        <button type="button" id="play-toggle" onClick={() => (playing.value = !playing.value)}>
          {playing.value ? t('play.pause') : t('play.playing')}
        </button>
        <button type="button" class="quiet" id="play-step" onClick={step}>
          {t('play.step')}
        </button>
        <label>
          <span id="play-time">{t('play.time', { ms: Math.round(now.value) })}</span>{' '}
          <input
            type="range"
            id="play-slider"
            min={0}
            max={end}
            step="any"
            value={now.value}
            onInput={(event) => {
              playing.value = false;
              now.value = Number(event.currentTarget.value);
            }}
          />
        </label>
        <label class="tick">
          <input
            type="checkbox"
            checked={servers.value}
            onChange={(event) => (servers.value = event.currentTarget.checked)}
          />{' '}
          {t('play.servers')}
        </label>
      </p>
      <Happenings lines={lines} events={events} now={now.value} />
    </div>
  );
}

const PLACE_NAMES = [
  'play.place.client',
  'play.place.clientNat',
  'play.place.internet',
  'play.place.hostNat',
  'play.place.host',
] as const;

function across(place: number): number {
  return MARGIN + (place * (WIDTH - 2 * MARGIN)) / 4;
}

function Picture(props: { readonly flights: readonly Flight[]; readonly now: number }) {
  const { flights, now } = props;
  const flying = flights.flatMap((flight) => {
    const place = positionAt(flight, now);
    return place === null ? [] : [{ flight, place }];
  });
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} class="playfield" role="img" aria-label={t('connect.picture')}>
      {PLACE_NAMES.map((name, place) => (
        <g key={name}>
          <line
            x1={across(place)}
            x2={across(place)}
            y1="30"
            y2={HEIGHT - 10}
            class={place === 1 || place === 3 ? 'nat' : 'lane'}
          />
          <text x={across(place)} y="18" text-anchor="middle">
            {t(name)}
          </text>
        </g>
      ))}
      {flying.slice(0, DRAWN_MAX).map(({ flight, place }) => (
        <circle
          key={flight.id}
          cx={across(place)}
          cy={40 + ((flight.id * 37) % (HEIGHT - 60))}
          r="4"
          class={`packet ${flight.side} ${flight.ended}`}
        >
          <title>
            {flight.label}
            {flight.why === '' ? '' : ` (${flight.why})`}
          </title>
        </circle>
      ))}
    </svg>
  );
}

/** The last things that happened before `now`, in words. */
function Happenings(props: {
  readonly lines: readonly TraceObject[];
  readonly events: readonly PlayEvent[];
  readonly now: number;
}) {
  const { lines, events, now } = props;
  const said = events
    .filter(({ at }) => at <= now)
    .slice(-8)
    .map(({ at, side, event }) => ({ at, text: `${side}  ${wordsOf(event)}` }));
  const moved = lines
    .filter(({ at }) => at <= now)
    .slice(-6)
    .map((line) => ({
      at: line.at,
      text: `${line.where}  ${line.what}${line.why === undefined ? '' : ` (${line.why})`}  ${line.from} > ${line.to}  TTL ${line.ttl}`,
    }));
  return (
    <>
      <pre class="log" role="log" tabindex={0} aria-label={t('connect.log')}>
        {said.map(({ at, text }) => `${at.toFixed(1).padStart(9)} ms  ${text}`).join('\n')}
      </pre>
      <pre class="log" tabindex={0}>
        {moved.map(({ at, text }) => `${at.toFixed(1).padStart(9)} ms  ${text}`).join('\n')}
      </pre>
    </>
  );
}

function wordsOf(event: PlayEvent['event']): string {
  switch (event.ev) {
    case 'log':
      return `${event.what} ${Object.entries(event.data)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')}`;
    case 'stage':
      return `${event.stage} ${waitText(event.why)}`.trim();
    case 'attempt':
      return `${t('connect.attempt', { n: event.n })}: ${event.plan.method}`;
    case 'path':
      return `path ${event.kind} ${event.remote.address}:${event.remote.port}`;
    default:
      return event.ev;
  }
}
