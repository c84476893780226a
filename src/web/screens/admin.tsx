import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { AdminBan, AdminBans, AdminHosts, Audit, BanInput, History, Overview } from '../../master/api.ts';
import { dateTime, number, percent, timeOfDay } from '../format.ts';
import { Card } from '../kit/card.tsx';
import { Stats } from '../kit/stat.tsx';
import { language, t, tMaybe } from '../messages/index.ts';
import { AdminHostTable } from '../parts/admin-hosts.tsx';

const TOKEN_KEY = 'sallyport-admin';
const REFRESH_MS = 2000;
const DAY_S = 86_400;
const SPAN_S_MIN = 3600;
const NAT_TYPES = [
  'public',
  'port-preserving-cone',
  'cone',
  'address-sensitive',
  'port-sensitive',
  'blocked',
  'unknown',
] as const;

interface Board {
  readonly overview: Overview;
  readonly history: History;
  readonly hosts: AdminHosts;
  readonly bans: AdminBans;
  readonly audit: Audit;
}

const token = signal(sessionStorage.getItem(TOKEN_KEY) ?? '');
const board = signal<Board | null>(null);
/** Why the board is not there, or not as it is now. */
const trouble = signal<'badToken' | 'busy' | 'away' | null>(null);

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`/api/v1/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${token.value}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

let asked = 0;
let answered = 0;

async function refresh(): Promise<void> {
  if (token.value === '') return;
  asked += 1;
  const mine = asked;
  try {
    const answers = await Promise.all(
      ['/overview', '/history', '/hosts', '/bans', '/audit'].map((path) => call('GET', path)),
    );
    // A slow answer to an older question, with another token perhaps, does not undo a newer one.
    if (mine < answered) return;
    answered = mine;
    trouble.value = troubleOf(answers);
    if (trouble.value !== null) return;
    const [overview, history, hosts, bans, audit] = await Promise.all(answers.map((answer) => answer.json()));
    board.value = { overview, history, hosts, bans, audit };
  } catch {
    // The last board stays; the next refresh tries again.
    trouble.value = 'away';
  }
}

function troubleOf(answers: readonly Response[]): typeof trouble.value {
  if (answers.some(({ status }) => status === 401)) return 'badToken';
  if (answers.some(({ status }) => status === 429)) return 'busy';
  return answers.every(({ ok }) => ok) ? null : 'away';
}

async function ban(input: BanInput): Promise<string | null> {
  const response = await call('POST', '/bans', input);
  await refresh();
  return response.ok
    ? null
    : (((await response.json()) as { readonly detail?: string }).detail ?? `HTTP ${response.status}`);
}

/** The token is forgotten here; it stays good at the masterserver. */
function leave(): void {
  sessionStorage.removeItem(TOKEN_KEY);
  token.value = '';
  board.value = null;
}

export function Admin() {
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => void refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const out = board.value === null || trouble.value === 'badToken';
  return (
    <section class="stack admin" aria-labelledby="admin-title">
      <div class="row-line spread">
        <h1 id="admin-title">{t('admin.title')}</h1>
        {out ? null : (
          <button type="button" class="quiet small" id="admin-leave" onClick={leave}>
            {t('admin.leave')}
          </button>
        )}
      </div>
      {board.value === null || out ? <Login /> : <BoardView board={board.value} />}
    </section>
  );
}

function Login() {
  const typed = useSignal('');
  const submit = (event: Event): void => {
    event.preventDefault();
    token.value = typed.value.trim();
    sessionStorage.setItem(TOKEN_KEY, token.value);
    void refresh();
  };
  return (
    <form class="card form login" onSubmit={submit}>
      <p>{t('admin.about')}</p>
      <label>
        {t('admin.token')}
        <input
          id="admin-token"
          type="password"
          autocomplete="off"
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
      </label>
      <p class="dim">{t('admin.tokenHint')}</p>
      <p class="error" role="alert">
        {trouble.value === null ? '' : t(`admin.${trouble.value}`)}
      </p>
      <button type="submit">{t('admin.enter')}</button>
    </form>
  );
}

function BoardView(props: { readonly board: Board }) {
  const { overview, history, hosts } = props.board;
  const { bans } = props.board.bans;
  const { entries: audit } = props.board.audit;
  return (
    <>
      {trouble.value === null ? null : (
        <p class="notice" role="status">
          {t(`admin.${trouble.value}`)}
        </p>
      )}
      {overview.sourcesRewritten === null ? null : (
        <p class="notice bad" role="status" id="admin-rewritten">
          {t('admin.rewritten', { addresses: overview.sourcesRewritten.addresses.join(', ') })}
        </p>
      )}
      {overview.probePortsShut.length === 0 ? null : (
        <p class="notice bad" role="status" id="admin-probe-ports">
          {t('admin.probePorts', { addresses: overview.probePortsShut.map(({ address }) => address).join(', ') })}
        </p>
      )}
      <Stats
        of={[
          [t('admin.hosts'), <span id="admin-hosts">{overview.hosts.listed + overview.hosts.unlisted}</span>],
          [t('admin.joins'), overview.joinsPerMinute],
          ...(overview.relay === null
            ? []
            : [
                [
                  t('admin.relayed'),
                  <span id="admin-relayed" title={relayed(overview.relay)}>
                    {overview.relay.whole}
                  </span>,
                ] as const,
              ]),
        ]}
      />
      <AdminHostTable hosts={hosts.hosts} ban={ban} call={call} onDone={refresh} />
      <BanList bans={bans} />
      <Card title={t('admin.pairs')}>
        {overview.pairs.length === 0 ? (
          <p class="dim">{t('admin.noJoins')}</p>
        ) : (
          <>
            <p class="dim">{t('admin.pairsHint')}</p>
            <HeatMap pairs={overview.pairs} />
          </>
        )}
      </Card>
      <Card title={t('admin.overTime')}>
        {history.points.some((point) => successPercent(point) !== null) ? (
          <Series points={history.points} />
        ) : (
          <p class="dim">{t('admin.noJoins')}</p>
        )}
      </Card>
      <Card title={t('admin.webhooks')}>
        <WebhookTest />
      </Card>
      <Card title={t('admin.audit')}>
        {audit.length === 0 ? <p class="dim">{t('admin.noAudit')}</p> : null}
        <ol class="audit">
          {audit.map((line) => (
            <li key={line.id}>
              <time>{dateTime(line.at)}</time> {line.act} {line.detail}
            </li>
          ))}
        </ol>
      </Card>
    </>
  );
}

/** What comes of it is told by the counts of deliveries, which the receiver's answer moves. */
function WebhookTest() {
  const said = useSignal('');
  const test = async (): Promise<void> => {
    const answer = await call('POST', '/webhooks/test');
    said.value = t(answer.ok ? 'admin.webhooks.sent' : 'admin.webhooks.failed');
  };
  const counts = board.value?.overview.webhooks;
  return (
    <>
      <p class="row-line">
        <button type="button" class="quiet" id="webhook-test" onClick={() => void test()}>
          {t('admin.webhooks.test')}
        </button>
        <span role="status">{said.value}</span>
      </p>
      {counts === undefined ? null : <p class="dim">{t('admin.webhooks.counts', { ...counts })}</p>}
    </>
  );
}

function relayed({ forwarded, dropped, refused }: NonNullable<Overview['relay']>): string {
  const counts = { datagrams: forwarded, dropped, refused };
  return t(
    'admin.relayedHint',
    Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, number(count)])),
  );
}

function HeatMap(props: { readonly pairs: Overview['pairs'] }) {
  const cell = (client: string, host: string) =>
    props.pairs.find((pair) => pair.clientNat === client && pair.hostNat === host);
  const name = (type: string): string => tMaybe(`net.type.${type}`, type);
  return (
    <section class="scroll" tabindex={0} aria-label={t('admin.pairs')}>
      <table class="heat">
        <thead>
          <tr>
            <td />
            {NAT_TYPES.map((type) => (
              <th scope="col" key={type}>
                {name(type)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {NAT_TYPES.map((client) => (
            <tr key={client}>
              <th scope="row">{name(client)}</th>
              {NAT_TYPES.map((host) => {
                const found = cell(client, host);
                if (found === undefined || found.paths + found.failures === 0)
                  return (
                    <td key={host} class="none">
                      –
                    </td>
                  );
                const share = found.paths / (found.paths + found.failures);
                return (
                  <td key={host} class={`heat-${Math.floor(share * 4)}`}>
                    {percent(share)} <small>/{found.paths + found.failures}</small>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function dayOf(at: number): string {
  return new Date(at).toLocaleDateString(language.value, { day: 'numeric', month: 'short' });
}

/** Of the joins that ended in this step, how many found a path; null where none ended. */
function successPercent(point: History['points'][number]): number | null {
  const ended = point.paths + point.failures;
  return ended === 0 ? null : (100 * point.paths) / ended;
}

function Series(props: { readonly points: History['points'] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data: uPlot.AlignedData = [props.points.map((point) => point.at / 1000), props.points.map(successPercent)];
  useEffect(() => {
    if (place.current === null) return;
    // A canvas knows no custom properties: the style sheet gives the colours of axes and curve as these two of the element.
    const { color, caretColor } = getComputedStyle(place.current);
    const grid = { stroke: `color-mix(in srgb, ${color} 25%, transparent)` };
    const axis = { stroke: color, grid, ticks: grid };
    const when: uPlot.Axis.Values = (_plot, splits, _n, _space, step) =>
      splits.map((at) => (step < DAY_S ? timeOfDay(at * 1000) : dayOf(at * 1000)));
    plot.current = new uPlot(
      {
        width: place.current.clientWidth,
        height: 160,
        legend: { show: false },
        cursor: { show: false },
        axes: [
          { ...axis, values: when },
          { ...axis, values: (_plot, splits) => splits.map((value) => percent(value / 100)) },
        ],
        // A first point alone is no age.
        scales: {
          x: { range: (_plot, low, high) => [Math.min(low, high - SPAN_S_MIN), high] },
          y: { range: [0, 100] },
        },
        series: [{}, { stroke: caretColor, width: 2 }],
      },
      data,
      place.current,
    );
    const fit = new ResizeObserver(([entry]) => {
      if (entry !== undefined) plot.current?.setSize({ width: entry.contentRect.width, height: 160 });
    });
    fit.observe(place.current);
    return () => {
      fit.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [props.points]);
  return <div ref={place} class="plot" />;
}

function BanList(props: { readonly bans: readonly AdminBan[] }) {
  const kind = useSignal<AdminBan['kind']>('key');
  const scope = useSignal<AdminBan['scope']>('ban');
  const value = useSignal('');
  const reason = useSignal('');
  const hours = useSignal('');
  const error = useSignal<string | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const expiresAt = hours.value === '' ? null : Date.now() + Number(hours.value) * 3_600_000;
    error.value = await ban({
      kind: kind.value,
      pattern: value.value,
      scope: scope.value,
      reason: reason.value,
      expiresAt,
    });
    if (error.value === null) value.value = '';
  };
  return (
    <Card title={t('admin.bans')}>
      {props.bans.length === 0 ? <p class="dim">{t('admin.ban.none')}</p> : null}
      <ul id="bans">
        {props.bans.map((ban) => (
          <li key={ban.id}>
            {t(`admin.ban.scope.${ban.scope}`)}: {t(`admin.ban.${ban.kind}`)} <code>{ban.pattern}</code> {ban.reason}{' '}
            <button
              type="button"
              class="quiet"
              onClick={async () => {
                await call('DELETE', `/bans/${ban.id}`);
                await refresh();
              }}
            >
              {t('admin.ban.remove')}
            </button>
          </li>
        ))}
      </ul>
      <form class="bar" onSubmit={submit}>
        <label>
          {t('admin.ban.kind')}
          <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as AdminBan['kind'])}>
            {(['key', 'cidr', 'name'] as const).map((id) => (
              <option key={id} value={id}>
                {t(`admin.ban.${id}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t('admin.ban.scope')}
          <select
            value={scope.value}
            onChange={(event) => (scope.value = event.currentTarget.value as AdminBan['scope'])}
          >
            {(['ban', 'unannounced'] as const).map((id) => (
              <option key={id} value={id}>
                {t(`admin.ban.scope.${id}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t('admin.ban.value')}{' '}
          <input
            id="ban-value"
            required
            value={value.value}
            onInput={(event) => (value.value = event.currentTarget.value)}
          />
        </label>
        <label>
          {t('admin.ban.reason')}{' '}
          <input value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
        </label>
        <label>
          {t('admin.ban.expires')}{' '}
          <input
            class="short"
            type="number"
            min="1"
            value={hours.value}
            onInput={(event) => (hours.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" id="ban-add">
          {t('admin.ban.add')}
        </button>
      </form>
      <p class="error" role="alert">
        {error.value}
      </p>
    </Card>
  );
}
