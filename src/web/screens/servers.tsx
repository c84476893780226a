import { showCode } from '../../core/model/code.ts';
import type { Server, SortKey } from '../../master/api.ts';
import { duration, pingText } from '../format.ts';
import {
  fetchError,
  fetchedAt,
  filters,
  games,
  isListed,
  loading,
  NO_FILTERS,
  nearOf,
  openRow,
  reloadList,
  rows,
  shown,
  sort,
} from '../list.ts';
import { isLocal, joinTarget, saveSettings, settings, shownCode } from '../local.ts';
import { t, tMaybe } from '../messages/index.ts';
import { CopyButton, copyText } from '../parts/copy-button.tsx';
import { VerdictBadge } from '../parts/verdict.tsx';
import { followInPage, go } from '../router.ts';

const COLUMNS = ['ping', 'name', 'players', 'map', 'game', 'network', 'up'] as const satisfies readonly SortKey[];

/** The page of a host on this masterserver; the local page knows no web address of the master, so it gives the code. */
function shareText(row: Server): string {
  return isLocal.value ? showCode(row.code) : `${location.origin}/j/${row.code}`;
}

/** An official public server is joined by its address, from the game itself (S26): it is copied, and shown in the details. */
function act(row: Server, showDetails: () => void): void {
  if (row.address !== null) {
    showDetails();
    void copyText(row.address);
  } else if (isLocal.value) void joinTarget(row.code);
  else go(`/j/${row.code}`);
}

export function Servers() {
  return (
    <section aria-labelledby="servers-title">
      <h1 id="servers-title">{t('nav.servers')}</h1>
      <FilterBar />
      <ListState />
      <table class="list" aria-label={t('servers.title')}>
        <HeaderRow />
        <Sections open={openRow.value} onOpen={(id) => (openRow.value = id)} />
      </table>
    </section>
  );
}

function FilterBar() {
  const wanted = filters.value;
  const tick = (key: 'onlyVerified' | 'notFull' | 'withPeople', text: string) => (
    <label class="tick">
      <input
        type="checkbox"
        checked={wanted[key]}
        onChange={(event) => (filters.value = { ...wanted, [key]: event.currentTarget.checked })}
      />{' '}
      {text}
    </label>
  );
  return (
    <search class="bar">
      <input
        type="search"
        id="filter"
        aria-label={t('servers.filter')}
        placeholder={t('servers.filter')}
        value={wanted.text}
        onInput={(event) => (filters.value = { ...wanted, text: event.currentTarget.value })}
      />
      <select
        aria-label={t('servers.game')}
        value={wanted.game}
        onChange={(event) => (filters.value = { ...wanted, game: event.currentTarget.value })}
      >
        <option value="">{t('servers.gameAny')}</option>
        {games.value.map((game) => (
          <option key={game} value={game}>
            {game}
          </option>
        ))}
      </select>
      {tick('onlyVerified', t('servers.onlyJoinable'))}
      {tick('notFull', t('servers.notFull'))}
      {tick('withPeople', t('servers.withPeople'))}
      <label class="tick">
        {t('servers.maxPing')}{' '}
        <input
          type="number"
          min="1"
          max="999"
          class="short"
          value={wanted.pingMaxMs ?? ''}
          onInput={(event) =>
            (filters.value = {
              ...wanted,
              pingMaxMs: event.currentTarget.value === '' ? null : Number(event.currentTarget.value),
            })
          }
        />
      </label>
      <button type="button" class="quiet" id="reload" onClick={() => reloadList()}>
        ⟳ {t('servers.reload')}
      </button>
      <span class="count" aria-live="polite" id="count">
        {t('servers.count', { shown: shown.value.length, total: rows.value.length })}
      </span>
    </search>
  );
}

function ListState() {
  const why = fetchError.value;
  const words = why === null ? '' : tMaybe(`failure.${why}`, why);
  if (why !== null && fetchedAt.value !== null)
    return (
      <p class="notice" role="status">
        {t('servers.stale', { why: words, age: duration(Date.now() - fetchedAt.value) })}
      </p>
    );
  if (why !== null)
    return (
      <p class="error" role="alert">
        {words}
      </p>
    );
  if (fetchedAt.value === null) return <p role="status">{loading.value ? t('servers.loading') : ''}</p>;
  if (rows.value.length === 0)
    return (
      <p class="empty">
        {t('servers.empty')}{' '}
        {isLocal.value ? (
          <a href="/host" onClick={followInPage}>
            {t('servers.hostOne')}
          </a>
        ) : null}
      </p>
    );
  if (shown.value.length === 0 && rows.value.length > 0)
    return (
      <p class="empty">
        {t('servers.emptyFiltered')}{' '}
        <button type="button" class="quiet" onClick={() => (filters.value = NO_FILTERS)}>
          {t('servers.clear')}
        </button>
      </p>
    );
  return null;
}

function HeaderRow() {
  const { key, descending } = sort.value;
  return (
    <thead>
      <tr>
        {COLUMNS.map((column) => (
          <th
            scope="col"
            key={column}
            class={`c-${column}`}
            aria-sort={key === column ? (descending ? 'descending' : 'ascending') : 'none'}
          >
            <button
              type="button"
              title={t('servers.sortBy', { column: t(`servers.col.${column}`) })}
              onClick={() => (sort.value = { key: column, descending: key === column && !descending })}
            >
              {t(`servers.col.${column}`)}
              <span aria-hidden="true">{key === column ? (descending ? ' ▼' : ' ▲') : ''}</span>
            </button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

function sectionOf(row: Server): Server['section'] | 'favourite' {
  return settings.value?.favourites.some(({ code }) => code === row.code) ? 'favourite' : row.section;
}

function Sections(props: { readonly open: string | null; readonly onOpen: (id: string | null) => void }) {
  return (
    <>
      {(['favourite', 'local', 'official', 'community'] as const).map((section) => {
        const inSection = shown.value.filter((row) => sectionOf(row) === section);
        if (inSection.length === 0) return null;
        return (
          <tbody key={section}>
            <tr class="section">
              <th scope="rowgroup" colSpan={COLUMNS.length}>
                {t(`servers.section.${section}`)} ({inSection.length})
              </th>
            </tr>
            {inSection.map((row) => (
              <Row key={row.hostId} row={row} open={props.open === row.hostId} onOpen={props.onOpen} />
            ))}
          </tbody>
        );
      })}
    </>
  );
}

/** An estimate, because the list has no addresses (decisions/0004); on the local network it is measured. */
function PingCell(props: { readonly row: Server }) {
  const near = nearOf(props.row);
  if (near !== null && near.pingMs !== null) return <span>{pingText(near.pingMs, false)}</span>;
  if (near !== null && !near.pingGivenUp) return <span title={t('servers.measuring')}>…</span>;
  const { pingEstimateMs } = props.row;
  if (pingEstimateMs === null) return <span title={t('common.notTested')}>?</span>;
  return <span title={t('servers.estimated')}>{pingText(pingEstimateMs, true)}</span>;
}

function Row(props: { readonly row: Server; readonly open: boolean; readonly onOpen: (id: string | null) => void }) {
  const { row } = props;
  const full = row.playersMax > 0 && row.players >= row.playersMax;
  const toggle = (): void => props.onOpen(props.open ? null : row.hostId);
  const join = (): void => act(row, () => props.onOpen(row.hostId));
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') join();
    else if (event.key === 'i') toggle();
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveFocus(event);
  };
  return (
    <>
      <tr
        class={`row ${full || row.players === 0 ? 'dim' : ''}`}
        tabindex={0}
        data-host={row.hostId}
        onKeyDown={onKey}
        onDblClick={join}
      >
        <td class="c-ping num">
          <PingCell row={row} />
        </td>
        <td class="c-name">
          <button type="button" class="link" onClick={toggle} aria-expanded={props.open}>
            {row.name === '' ? shownCode(row.code) : row.name}
          </button>
          {row.passwordNeeded ? (
            <svg class="lock" viewBox="0 0 16 18" role="img" aria-label={t('servers.locked')}>
              <path d="M3 7V5a5 5 0 0 1 10 0v2h1v10H2V7zm2 0h6V5a3 3 0 0 0-6 0z" />
            </svg>
          ) : null}
          {row.verifiedAt === null ? null : <Verified at={row.verifiedAt} />}
        </td>
        <td class="c-players num">{row.playersMax === 0 ? '–' : `${row.players}/${row.playersMax}`}</td>
        <td class="c-map">{[row.map, row.mode].filter((part) => part !== '').join(' / ') || '–'}</td>
        <td class="c-game">{row.game || '–'}</td>
        <td class="c-network">{isListed(row) ? <VerdictBadge verdict={row.verdict} /> : t('servers.notListed')}</td>
        <td class="c-up num">{ageText(row.firstSeenAt)}</td>
      </tr>
      {props.open ? <Details row={row} join={join} /> : null}
    </>
  );
}

/** How long ago; of some servers nobody tells. */
function ageText(at: number): string {
  return at === 0 ? '–' : duration(Date.now() - at);
}

function Verified(props: { readonly at: number }) {
  const text = t('servers.verified', { age: duration(Date.now() - props.at) });
  return (
    <span role="img" aria-label={text} title={text}>
      {' '}
      ✔
    </span>
  );
}

function moveFocus(event: KeyboardEvent): void {
  event.preventDefault();
  const all = [...document.querySelectorAll<HTMLElement>('.row[data-host]')];
  const index = all.indexOf(event.currentTarget as HTMLElement);
  all[index + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
}

function Details(props: { readonly row: Server; readonly join: () => void }) {
  const { row } = props;
  const favourites = settings.value?.favourites ?? [];
  const isFavourite = favourites.some(({ code }) => code === row.code);
  return (
    <tr class="details">
      <td colSpan={COLUMNS.length}>
        {row.address === null ? null : (
          <p class="official">
            {t('join.way.address')}: <code>{row.address}</code> <CopyButton text={() => row.address ?? ''} />
            <br />
            {t('join.way.addressHint')}
          </p>
        )}
        <dl>
          {row.code === '' ? null : (
            <>
              <dt>{t('servers.d.code')}</dt>
              <dd class="code">{shownCode(row.code)}</dd>
            </>
          )}
          <dt>{t('servers.d.nat')}</dt>
          <dd>{tMaybe(`net.type.${row.natType}`, row.natType)}</dd>
          <dt>{t('servers.d.version')}</dt>
          <dd>{row.version || '–'}</dd>
          {row.firstSeenAt === 0 ? null : (
            <>
              <dt>{t('servers.d.first')}</dt>
              <dd>{ageText(row.firstSeenAt)}</dd>
              <dt>{t('servers.d.seen')}</dt>
              <dd>{ageText(row.lastSeenAt)}</dd>
              <dt>{t('servers.d.key')}</dt>
              <dd class="code">{row.hostId}</dd>
            </>
          )}
        </dl>
        <p class="actions">
          {row.address === null ? (
            <button type="button" onClick={props.join}>
              {t('servers.join')}
            </button>
          ) : null}
          {row.code === '' ? null : (
            <CopyButton text={() => shareText(row)} label={t(isLocal.value ? 'common.copyCode' : 'common.copyLink')} />
          )}
          {isLocal.value && row.code !== '' ? (
            <label class="tick">
              <input
                type="checkbox"
                checked={isFavourite}
                onChange={() =>
                  void saveSettings({
                    favourites: isFavourite
                      ? favourites.filter(({ code }) => code !== row.code)
                      : [...favourites, { code: row.code, name: row.name }],
                  })
                }
              />{' '}
              {t('servers.favourite')}
            </label>
          ) : null}
        </p>
      </td>
    </tr>
  );
}
