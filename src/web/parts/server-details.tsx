import { Play, X } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { isInside } from '../../app/local-api.ts';
import type { Server } from '../../master/api.ts';
import { duration } from '../format.ts';
import { gameName } from '../games.ts';
import { Icon } from '../kit/icon.tsx';
import { isListed, openRow, pingOf } from '../list.ts';
import { isLocal, local, shownCode, streamer } from '../local.ts';
import { t, tMaybe } from '../messages/index.ts';
import { CopyButton } from './copy-button.tsx';
import { PingCell } from './ping.tsx';
import { canBeFavourite, join, shareText } from './server-acts.ts';
import { StarButton } from './star-button.tsx';
import { VerdictBadge } from './verdict.tsx';

/** All that is known of the chosen row, beside the list; on a phone below it. */
export function ServerDetails({ row }: { readonly row: Server }) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && document.querySelector('#preferences:popover-open') === null) close(row);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [row]);
  return (
    <section class="card details" id="server-details" aria-labelledby="server-details-title">
      <header>
        <h2 id="server-details-title">{row.name === '' ? shownCode(row.code) : row.name}</h2>
        <button
          type="button"
          class="ghost small"
          id="server-details-close"
          aria-label={t('common.close')}
          onClick={() => close(row)}
        >
          <Icon of={X} />
        </button>
      </header>
      {isListed(row) ? null : <p class="notice">{t('servers.notListedAbout')}</p>}
      {row.address === null ? null : (
        <p>
          {t('join.way.address')}: <code class={streamer.value ? 'secret' : ''}>{row.address}</code>
          <br />
          <span class="hint">{t('join.way.addressHint')}</span>
        </p>
      )}
      <p class="actions">
        {row.address === null ? (
          <button type="button" id="server-join" onClick={() => void join(row)}>
            <Icon of={Play} /> {t('servers.join')}
          </button>
        ) : (
          <CopyButton class="" text={() => row.address ?? ''} />
        )}
        {canBeFavourite(row) ? <StarButton row={row} key={row.code} /> : null}
        {row.code === '' ? null : (
          <CopyButton text={() => shareText(row)} label={t(isLocal.value ? 'common.copyCode' : 'common.copyLink')} />
        )}
      </p>
      {isListed(row) ? <WhoPlays row={row} /> : null}
      <Facts row={row} />
    </section>
  );
}

/** The list itself again, where the row still is. */
function close(row: Server): void {
  openRow.value = null;
  focusRow(row.hostId);
}

export function focusRow(hostId: string): void {
  document.querySelector<HTMLElement>(`.row[data-host="${CSS.escape(hostId)}"]`)?.focus();
}

/** Names are known of the own hosting alone: no game we know tells them to a masterserver, and the list has numbers only. */
function WhoPlays({ row }: { readonly row: Server }) {
  const hosting = local.value?.hosting ?? null;
  const own = hosting !== null && row.code !== '' && hosting.code === row.code;
  const names = own ? hosting.friends.filter(isInside).map(({ name }) => name) : [];
  return (
    <div>
      <h3>{t('servers.who')}</h3>
      {names.length > 0 ? (
        <ul class="plain chips">
          {names.map((name, n) => (
            <li class="badge" key={n}>
              {name}
            </li>
          ))}
        </ul>
      ) : (
        <p class="dim">
          {row.playersMax === 0
            ? t('servers.who.unknown')
            : row.players === 0
              ? t('servers.who.nobody')
              : t(own ? 'servers.who.own' : 'servers.who.number', { players: row.players, max: row.playersMax })}
        </p>
      )}
    </div>
  );
}

function Facts({ row }: { readonly row: Server }) {
  const ping = pingOf(row);
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    [
      t('servers.col.ping'),
      <>
        <PingCell ping={ping} /> <span class="dim">{pingWords(row)}</span>
      </>,
    ],
    ...(row.game === '' ? [] : [[t('servers.col.game'), gameName(row.game)] as const]),
    ...(mapText(row) === '' ? [] : [[t('servers.col.map'), mapText(row)] as const]),
    ...(row.version === '' ? [] : [[t('servers.d.version'), row.version] as const]),
    ...(row.natType === 'unknown'
      ? []
      : [
          [
            t('servers.col.network'),
            <>
              <VerdictBadge verdict={row.verdict} />{' '}
              <span class="dim">{tMaybe(`net.type.${row.natType}`, row.natType)}</span>
            </>,
          ] as const,
        ]),
    ...(row.verifiedAt === null
      ? []
      : [[t('servers.d.tested'), t('servers.verified', { age: ageText(row.verifiedAt) })] as const]),
    ...(row.firstSeenAt === 0
      ? []
      : ([
          [t('servers.d.first'), t('servers.ago', { age: ageText(row.firstSeenAt) })],
          [t('servers.d.seen'), t('servers.ago', { age: ageText(row.lastSeenAt) })],
        ] as const)),
    ...(row.code === '' ? [] : [[t('servers.d.code'), <span class="code">{shownCode(row.code)}</span>] as const]),
    ...(row.firstSeenAt === 0 ? [] : [[t('servers.d.key'), <span class="code">{row.hostId}</span>] as const]),
  ];
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function pingWords(row: Server): string {
  const { ms, from } = pingOf(row);
  return t(ms === null && from === 'estimate' ? 'common.notTested' : `servers.ping.${from}`);
}

export function mapText(row: Server): string {
  return [row.map, row.mode].filter((part) => part !== '').join(' / ');
}

/** How long ago; of some servers nobody tells. */
export function ageText(at: number): string {
  return at === 0 ? '–' : duration(Date.now() - at);
}
