import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { Pause, Play, SkipForward, Sparkles } from 'lucide';
import { useEffect } from 'preact/hooks';
import { SIM_CLASSES, type SimClassId, type TraceObject } from '../../sim/index.ts';
import { waitText } from '../join-words.ts';
import { Card } from '../kit/card.tsx';
import { Icon } from '../kit/icon.tsx';
import { t } from '../messages/index.ts';
import { flightsOf, momentOf, parseTrace } from '../playground/flight.ts';
import { PlayPicture } from '../playground/picture.tsx';
import { type PlayEvent, type PlayRun, type RunRequest, run } from '../playground/run.ts';
import { CHAPTERS, type Chapter, tell } from '../playground/story.ts';

/** Virtual milliseconds shown per real second while playing. */
const PLAY_SPEED = 60;
const FRAME_MS = 40;
/** So long before the moment that is worth seeing it begins to play. */
const LEAD_MS = 150;

/** What is on the screen: a chapter of the story, a pair of one's own, or a trace of somebody's report. */
interface Shown {
  readonly n: number;
  readonly chapter: Chapter | null;
  readonly run: PlayRun | null;
  readonly lines: readonly TraceObject[];
  readonly events: readonly PlayEvent[];
}

/** The real machines in the simulated internet: first a story of five pairs, then pairs of one's own, or the trace of a bug report. */
export function Playground() {
  const chapter = useSignal<Chapter | null>('home');
  const shown = useSignal<Shown | null>(null);
  const error = useSignal<string | null>(null);
  const show = (next: Omit<Shown, 'n'>): void => {
    shown.value = { ...next, n: performance.now() };
  };
  const start = (make: () => PlayRun, of: Chapter | null): void => {
    chapter.value = of;
    error.value = null;
    shown.value = null;
    // Some pairs keep the page busy for a second: what is told of them is drawn before.
    setTimeout(() => {
      const done = make();
      if (chapter.value === of) show({ chapter: of, run: done, lines: done.lines, events: done.events });
    });
  };
  const open = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const lines = parseTrace(await file.text());
    error.value = lines === null ? t('play.badTrace') : null;
    if (lines === null) return;
    chapter.value = null;
    show({ chapter: null, run: null, lines, events: [] });
  };
  useEffect(() => start(() => tell('home'), 'home'), []);
  const now = shown.value;
  return (
    <section aria-labelledby="play-title" class="stack">
      <h1 id="play-title">{t('play.title')}</h1>
      <p class="dim">{t('play.intro')}</p>
      <div class="card">
        <Story chapter={chapter.value} onChoose={(next) => start(() => tell(next), next)} />
        {now === null ? <p role="status">{t('play.running')}</p> : null}
        {now === null ? null : <Player key={now.n} lines={now.lines} events={now.events} />}
        {now === null || now.run === null ? null : <Result run={now.run} />}
      </div>
      <FreePlay onRun={(request) => start(() => run(request), null)} onFile={(file) => void open(file)} />
      <p class="error" role="alert">
        {error.value}
      </p>
    </section>
  );
}

function Story(props: { readonly chapter: Chapter | null; readonly onChoose: (chapter: Chapter) => void }) {
  const { chapter, onChoose } = props;
  return (
    <>
      <ol class="plain story" aria-label={t('play.story')}>
        {CHAPTERS.map((id, n) => (
          <li key={id}>
            <button
              type="button"
              class={id === chapter ? '' : 'quiet'}
              aria-pressed={id === chapter}
              data-chapter={id}
              onClick={() => onChoose(id)}
            >
              <span class="num">{n + 1}</span> {t(`play.story.title.${id}`)}
            </button>
          </li>
        ))}
      </ol>
      {chapter === null ? (
        <h2>{t('play.own')}</h2>
      ) : (
        <div aria-live="polite" id="play-story">
          <h2>{t(`play.story.title.${chapter}`)}</h2>
          <p class="sentence">{t(`play.story.what.${chapter}`)}</p>
          <p>{t(`play.story.why.${chapter}`)}</p>
        </div>
      )}
    </>
  );
}

/** Two kinds of router in words, and what else may be set. */
function FreePlay(props: {
  readonly onRun: (request: RunRequest) => void;
  readonly onFile: (file: File | undefined) => void;
}) {
  const client = useSignal<SimClassId>('P3');
  const host = useSignal<SimClassId>('S2');
  const seed = useSignal('1');
  const loss = useSignal('0');
  const delay = useSignal('20');
  const start = (event: Event): void => {
    event.preventDefault();
    props.onRun({
      ...{ client: client.value, host: host.value, seed: Number(seed.value) },
      ...{ lossRate: Number(loss.value) / 100, delayMs: Number(delay.value) },
    });
    document.getElementById('play-title')?.scrollIntoView();
  };
  const kind = (id: string, text: string, value: { value: SimClassId }) => (
    <div>
      <label for={id}>
        {text}
        <select
          id={id}
          value={value.value}
          aria-describedby={`${id}-about`}
          onChange={(event) => (value.value = event.currentTarget.value as SimClassId)}
        >
          {SIM_CLASSES.map((name) => (
            <option key={name} value={name}>
              {t(`play.class.${name}`)} ({name})
            </option>
          ))}
        </select>
      </label>
      <p class="hint" id={`${id}-about`}>
        {t(`play.about.${value.value}`)}
      </p>
    </div>
  );
  const number = (id: string, text: string, value: { value: string }, max: number) => (
    <label>
      {text}
      <input
        {...{ id, class: 'short', type: 'number', min: 0, max, value: value.value }}
        onInput={(event) => (value.value = event.currentTarget.value)}
      />
    </label>
  );
  return (
    <Card title={t('play.free')}>
      <p class="dim">{t('play.freeAbout')}</p>
      <form class="form" onSubmit={start}>
        <div class="columns">
          {kind('play-client', t('play.client'), client)}
          {kind('play-host', t('play.host'), host)}
        </div>
        <div class="bar">
          {number('play-seed', t('play.seed'), seed, 999_999)}
          {number('play-loss', t('play.loss'), loss, 50)}
          {number('play-delay', t('play.delay'), delay, 500)}
          <button type="submit" id="play-run">
            {t('play.run')}
          </button>
        </div>
      </form>
      <details>
        <summary>{t('play.open')}</summary>
        <p class="hint">{t('play.openAbout')}</p>
        <input
          id="play-file"
          type="file"
          aria-label={t('play.open')}
          accept=".json,.jsonl,.txt"
          onChange={(event) => props.onFile(event.currentTarget.files?.[0])}
        />
      </details>
    </Card>
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
      <details>
        <summary>{t('play.networks')}</summary>
        <p class="hint">
          {t('play.client')}: <span class="simulated">{done.client}</span>
        </p>
        <p class="hint">
          {t('play.host')}: <span class="simulated">{done.host}</span>
        </p>
      </details>
    </div>
  );
}

function Player(props: { readonly lines: readonly TraceObject[]; readonly events: readonly PlayEvent[] }) {
  const { lines, events } = props;
  const servers = useSignal(false);
  const between = useComputed(() => flightsOf(lines, false));
  const flights = useComputed(() => (servers.value ? flightsOf(lines, true) : between.value));
  const end = lines.at(-1)?.at ?? 0;
  const joined = events.find(({ event }) => event.ev === 'stage')?.at ?? lines[0]?.at ?? 0;
  const moment = useComputed(() => momentOf(between.value, joined));
  const begin = Math.max(joined, moment.value - LEAD_MS);
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const now = useSignal(still ? moment.value : begin);
  const playing = useSignal(!still);
  /** It plays by itself as far as the moment, and afterwards as far as the person wants. */
  const until = useSignal(moment.value);
  useSignalEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      now.value = Math.min(until.peek(), now.peek() + (PLAY_SPEED * FRAME_MS) / 1000);
      if (now.peek() >= until.peek()) playing.value = false;
    }, FRAME_MS);
    return () => clearInterval(timer);
  });
  const toggle = (): void => {
    if (!playing.value && now.value >= end) now.value = begin;
    until.value = now.value < moment.value ? moment.value : end;
    playing.value = !playing.value;
  };
  const step = (): void => {
    playing.value = false;
    now.value = lines.find(({ at }) => at > now.value)?.at ?? end;
  };
  const seek = (at: number): void => {
    playing.value = false;
    now.value = at;
  };
  return (
    <div class="stack player">
      <PlayPicture flights={flights.value} now={now.value} />
      <div class="actions">
        <button type="button" id="play-toggle" onClick={toggle}>
          <Icon of={playing.value ? Pause : Play} />
          {playing.value ? t('play.pause') : t('play.playing')}
        </button>
        <button type="button" class="quiet" id="play-moment" onClick={() => seek(moment.value)}>
          <Icon of={Sparkles} /> {t('play.moment')}
        </button>
        <button type="button" class="quiet" id="play-step" onClick={step}>
          <Icon of={SkipForward} /> {t('play.step')}
        </button>
        <label class="time">
          <span id="play-time">{t('play.time', { ms: Math.round(now.value) })}</span>
          <input
            {...{ id: 'play-slider', type: 'range', min: 0, max: end, step: 'any', value: now.value }}
            onInput={(event) => seek(Number(event.currentTarget.value))}
          />
        </label>
      </div>
      <label class="tick">
        <input
          type="checkbox"
          checked={servers.value}
          onChange={(event) => (servers.value = event.currentTarget.checked)}
        />
        {t('play.servers')}
      </label>
      <Happenings lines={lines} events={events} now={now.value} />
    </div>
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
    <details>
      <summary>{t('play.packets')}</summary>
      <pre class="log" role="log" tabindex={0} aria-label={t('connect.log')}>
        {said.map(({ at, text }) => `${at.toFixed(1).padStart(9)} ms  ${text}`).join('\n')}
      </pre>
      <pre class="log" tabindex={0}>
        {moved.map(({ at, text }) => `${at.toFixed(1).padStart(9)} ms  ${text}`).join('\n')}
      </pre>
    </details>
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
