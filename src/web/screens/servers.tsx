import { computed, signal, useComputed } from '@preact/signals';
import { BadgeCheck, ChevronDown, ChevronUp, LockKeyhole, RefreshCw, SearchX, ServerOff } from 'lucide';
import type { Server, SortKey } from '../../master/api.ts';
import { duration } from '../format.ts';
import { gameName } from '../games.ts';
import { EmptyState } from '../kit/empty-state.tsx';
import { Icon } from '../kit/icon.tsx';
import {
  fetchError,
  fetchedAt,
  filters,
  isListed,
  loading,
  NO_FILTERS,
  openRow,
  partial,
  pingOf,
  reloadList,
  rows,
  sections,
  shown,
  sort,
} from '../list.ts';
import { isLocal, local, shownCode } from '../local.ts';
import { t, tMaybe } from '../messages/index.ts';
import { PingCell } from '../parts/ping.tsx';
import { canBeFavourite, join, toggleDetails, toggleFavourite } from '../parts/server-acts.ts';
import { ageText, focusRow, mapText, ServerDetails } from '../parts/server-details.tsx';
import { ServerFilters } from '../parts/server-filters.tsx';
import { StarButton } from '../parts/star-button.tsx';
import { VerdictBadge } from '../parts/verdict.tsx';
import { followInPage } from '../router.ts';

const COLUMNS = ['ping', 'name', 'players', 'map', 'game', 'network', 'up'] as const satisfies readonly SortKey[];
/** How far Page Up and Page Down go. */
const PAGE_OF_ROWS = 10;

/** The row that had the focus last. */
const lastRow = signal<string | null>(null);
/** The one row at which Tab stops; the arrow keys go from there to all others. */
const tabStop = computed(() => {
  const ids = shown.value.map(({ hostId }) => hostId);
  const wanted = lastRow.value ?? openRow.value;
  return wanted !== null && ids.includes(wanted) ? wanted : (sections.value[0]?.rows[0]?.hostId ?? null);
});
const chosen = computed(() => shown.value.find(({ hostId }) => hostId === openRow.value) ?? null);

/**
 * Every row is in the document, so the browser's own search and a screen reader find it. A row is drawn anew only when it has changed
 * itself: its parts hang on signals, and nothing but the row is handed to it.
 */
export function Servers() {
  // Where there is no list at all, there is nothing to choose from and to count.
  const nothing = rows.value.length === 0 && filters.value === NO_FILTERS;
  return (
    <section aria-labelledby="servers-title" class="stack">
      <header class="row-line spread">
        <h1 id="servers-title">{t('nav.servers')}</h1>
        <span class="row-line">
          <span class="count num" aria-live="polite" id="count">
            {nothing ? '' : t('servers.count', { shown: shown.value.length, total: rows.value.length })}
          </span>
          <button type="button" class="quiet small" id="reload" onClick={() => reloadList()}>
            <Icon of={RefreshCw} /> {t('servers.reload')}
          </button>
        </span>
      </header>
      {nothing ? null : <ServerFilters />}
      <ListState />
      {partial.value ? (
        <p class="notice" role="status" id="partial">
          {t('servers.partial')}
        </p>
      ) : null}
      <Browser />
    </section>
  );
}

function Browser() {
  const row = chosen.value;
  if (sections.value.length === 0) return null;
  return (
    <>
      <div class={`browser ${row === null ? '' : 'open'}`}>
        <table class="list" aria-label={t('servers.title')}>
          <HeaderRow />
          <Sections />
        </table>
        {row === null ? null : <ServerDetails row={row} />}
      </div>
      <p class="hint list-keys">{t(isLocal.value ? 'servers.keysApp' : 'servers.keys')}</p>
      <p class="hint">{t('servers.pingLegend')}</p>
    </>
  );
}

/** What the list is, where it is not simply there: on its way, not to be had, old, empty, or filtered away. */
function ListState() {
  const why = fetchError.value;
  const words = why === null ? '' : tMaybe(`failure.${why}`, t('servers.noAnswer'));
  if (why !== null && fetchedAt.value !== null)
    return (
      <div class="notice row-line" role="status">
        {t('servers.stale', { why: words, age: duration(Date.now() - fetchedAt.value) })} <TryAgain />
      </div>
    );
  if (why !== null)
    return (
      <div class="notice bad row-line" role="alert">
        {words} <TryAgain />
      </div>
    );
  const master = local.value?.master.state;
  if (isLocal.value && master === 'none')
    return (
      <EmptyState icon={ServerOff} title={t('servers.noMaster')}>
        <p>{t('servers.noMasterAbout')}</p>
        <a class="button" href="/host" onClick={followInPage}>
          {t('servers.chooseMaster')}
        </a>
      </EmptyState>
    );
  if (fetchedAt.value === null) return loading.value || master === 'up' ? <Loading /> : null;
  if (rows.value.length === 0)
    return (
      <EmptyState icon={ServerOff} title={t('servers.empty')}>
        <p>{t('servers.emptyAbout')}</p>
        {isLocal.value ? (
          <a class="button" href="/host" onClick={followInPage}>
            {t('servers.hostOne')}
          </a>
        ) : null}
      </EmptyState>
    );
  if (shown.value.length > 0) return null;
  return (
    <EmptyState icon={SearchX} title={t('servers.emptyFiltered')}>
      <button type="button" class="quiet" onClick={() => (filters.value = NO_FILTERS)}>
        {t('servers.clear')}
      </button>
    </EmptyState>
  );
}

function TryAgain() {
  return (
    <button type="button" class="quiet small" onClick={() => reloadList()}>
      {t('connect.again')}
    </button>
  );
}

function Loading() {
  return (
    <div class="stack" role="status">
      <p class="dim">{t('servers.loading')}</p>
      <div class="waiting" aria-hidden="true" />
    </div>
  );
}

/** Upwards, downwards, and then the order of the list itself again. */
function sortBy(column: SortKey): void {
  const { key, descending } = sort.value;
  if (key !== column) sort.value = { key: column, descending: false };
  else sort.value = descending ? { key: 'best', descending: false } : { key: column, descending: true };
}

function HeaderRow() {
  const { key, descending } = sort.value;
  return (
    <thead>
      <tr>
        {isLocal.value ? (
          <th scope="col" class="c-star">
            <span class="hidden">{t('servers.favourite')}</span>
          </th>
        ) : null}
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
              onClick={() => sortBy(column)}
            >
              {t(`servers.col.${column}`)}
              {key === column ? <Icon of={descending ? ChevronDown : ChevronUp} /> : null}
            </button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Sections() {
  return (
    <>
      {sections.value.map(({ section, rows: inSection }) => (
        <tbody key={section}>
          <tr class="section">
            <th scope="rowgroup" colSpan={COLUMNS.length + (isLocal.value ? 1 : 0)}>
              {t(`servers.section.${section}`)} ({inSection.length})
            </th>
          </tr>
          {inSection.map((row) => (
            <Row key={row.hostId} row={row} />
          ))}
        </tbody>
      ))}
    </>
  );
}

function Row({ row }: { readonly row: Server }) {
  const stop = useComputed(() => tabStop.value === row.hostId);
  const open = useComputed(() => openRow.value === row.hostId);
  const full = row.playersMax > 0 && row.players >= row.playersMax;
  const where = [gameName(row.game), mapText(row)].filter((part) => part !== '').join(' · ');
  return (
    <tr
      class={`row ${full || row.players === 0 ? 'dim' : ''} ${open.value ? 'chosen' : ''}`}
      tabindex={stop.value ? 0 : -1}
      data-host={row.hostId}
      onFocusIn={() => (lastRow.value = row.hostId)}
      onKeyDown={onKey}
      onDblClick={() => void join(row)}
    >
      {isLocal.value ? <td class="c-star">{canBeFavourite(row) ? <StarButton row={row} inList /> : null}</td> : null}
      <td class="c-ping num">
        <PingCell ping={pingOf(row)} />
      </td>
      <td class="c-name">
        <button
          type="button"
          class="link"
          tabindex={stop.value ? 0 : -1}
          onClick={() => toggleDetails(row)}
          aria-expanded={open.value}
        >
          {row.name === '' ? shownCode(row.code) : row.name}
        </button>
        {row.passwordNeeded ? <Icon of={LockKeyhole} label={t('servers.locked')} /> : null}
        {row.verifiedAt === null ? null : (
          <Icon of={BadgeCheck} class="proven" label={t('servers.verified', { age: ageText(row.verifiedAt) })} />
        )}
        {where === '' ? null : <span class="under">{where}</span>}
        {isListed(row) ? null : <span class="under">{t('servers.notListed')}</span>}
      </td>
      <td class="c-players num">{row.playersMax === 0 ? '–' : `${row.players}/${row.playersMax}`}</td>
      <td class="c-map">{mapText(row) || '–'}</td>
      <td class="c-game">{gameName(row.game) || '–'}</td>
      <td class="c-network">{isListed(row) ? <VerdictBadge verdict={row.verdict} /> : t('servers.notListed')}</td>
      <td class="c-up num">{ageText(row.firstSeenAt)}</td>
    </tr>
  );
}

const MOVES: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowDown: (at, last) => Math.min(last, at + 1),
  ArrowUp: (at) => Math.max(0, at - 1),
  PageDown: (at, last) => Math.min(last, at + PAGE_OF_ROWS),
  PageUp: (at) => Math.max(0, at - PAGE_OF_ROWS),
  Home: () => 0,
  End: (_at, last) => last,
};

/** Keys of a row and of what is in it; Enter and Space on a button in it are the button's own. */
function onKey(event: KeyboardEvent): void {
  const element = event.currentTarget as HTMLElement;
  const row = shown.value.find(({ hostId }) => hostId === element.dataset.host);
  if (row === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  const { key } = event;
  if ((key === 'Enter' || key === ' ') && event.target !== element) return;
  if (key === 'Enter') void join(row);
  else if (key === 'i' || key === ' ') toggleDetails(row);
  else if (key === 'f' && canBeFavourite(row)) {
    void toggleFavourite(row);
    // The row goes to another section, and is another element there.
    requestAnimationFrame(() => focusRow(row.hostId));
  } else if (MOVES[key] === undefined) return;
  else moveFocus(element, key);
  event.preventDefault();
}

/** Details that are open are those of the row one is at. */
function moveFocus(from: HTMLElement, key: string): void {
  const all = [...document.querySelectorAll<HTMLElement>('.row[data-host]')];
  const to = all[MOVES[key]?.(all.indexOf(from), all.length - 1) ?? -1];
  to?.focus();
  if (openRow.value !== null && to?.dataset.host !== undefined) openRow.value = to.dataset.host;
}
