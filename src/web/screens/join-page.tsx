import { useSignal } from '@preact/signals';
import { Castle, Download as DownloadIcon, Gamepad2, Lock, Users } from 'lucide';
import { useEffect, useRef } from 'preact/hooks';
import { showCode } from '../../core/model/code.ts';
import type { MasterInfo, Server } from '../../master/api.ts';
import { gameName } from '../games.ts';
import { fullLink, systemOf } from '../invite.ts';
import { Badge } from '../kit/badge.tsx';
import { Card } from '../kit/card.tsx';
import { Icon } from '../kit/icon.tsx';
import { t } from '../messages/index.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { Gates } from '../parts/gates.tsx';
import { Qr } from '../parts/qr.tsx';

/** Anew so often while the page is looked at; a code that nobody has counts as a guess, so less often. */
const AGAIN_MS = 5_000;
const AGAIN_UNKNOWN_MS = 20_000;
/** A program that starts takes the page's focus within this time, or a question of the browser does. */
const OPENED_MS = 2_500;

/** `/j/CODE`: what a friend sees who has got an invitation and may never have heard of any of this. */
export function JoinPage(props: { readonly code: string }) {
  const info = useSignal<MasterInfo | null>(null);
  const found = useSignal<Server | 'unknown' | null>(null);
  useEffect(() => {
    void ask<MasterInfo>('/api/v1/master').then((answer) => {
      info.value = answer;
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (!document.hidden)
        found.value = (await ask<Server>(`/api/v1/servers/${encodeURIComponent(props.code)}`)) ?? 'unknown';
      timer = setTimeout(look, found.value === 'unknown' ? AGAIN_UNKNOWN_MS : AGAIN_MS);
    };
    void look();
    return () => clearTimeout(timer);
  }, [props.code]);
  const server = found.value;
  if (server === null) return <p role="status">{t('servers.loading')}</p>;
  const known = server === 'unknown' ? null : server;
  return (
    <div class="stack visit">
      <section class="hero" aria-labelledby="join-title">
        <div class="stack">
          <span class="eyebrow">{t('join.invited')}</span>
          <h1 id="join-title">{known === null ? t('join.gone') : t('join.title', { name: known.name })}</h1>
          {known === null ? <div role="status">{t('join.unknown')}</div> : <Now server={known} />}
        </div>
        <Gates
          label={null}
          own={known === null ? 'ajar' : 'open'}
          peer={known === null ? 'shut' : 'open'}
          up={known !== null}
        />
      </section>
      {known?.address == null ? null : <ByAddress address={known.address} />}
      <WaysIn code={known?.code ?? props.code} info={info.value} />
      <Card title={t('join.what')}>
        <p>{t('join.about')}</p>
        {info.value?.contact == null ? null : <p class="dim">{t('join.contact', { contact: info.value.contact })}</p>}
      </Card>
    </div>
  );
}

function Now({ server }: { readonly server: Server }) {
  const { game, map, players, playersMax, passwordNeeded } = server;
  return (
    <div class="row-line" role="status">
      {game === '' ? null : (
        <Badge>
          <Icon of={Gamepad2} /> {gameName(game)}
          {map === '' ? '' : ` · ${map}`}
        </Badge>
      )}
      <Badge tone={playersMax > 0 && players >= playersMax ? 'fair' : 'good'} id="join-players">
        <Icon of={Users} />{' '}
        {playersMax > 0 ? t('join.players', { players, max: playersMax }) : t('join.playing', { players })}
      </Badge>
      {passwordNeeded ? (
        <Badge tone="fair">
          <Icon of={Lock} /> {t('join.password')}
        </Badge>
      ) : null}
    </div>
  );
}

function ByAddress({ address }: { readonly address: string }) {
  return (
    <Card title={t('join.way.address')}>
      <p class="row-line">
        <code>{address}</code> <CopyButton text={() => address} />
      </p>
      <p class="dim">{t('join.way.addressHint')}</p>
    </Card>
  );
}

/** Opening the app first; what it takes to have it comes forward when nothing opened. */
function WaysIn(props: { readonly code: string; readonly info: MasterInfo | null }) {
  const { code, info } = props;
  const link = fullLink(location.href, code, info?.link ?? '');
  const opened = useSignal<'no' | 'waiting' | 'yes' | 'nothing'>('no');
  const help = useRef<HTMLHeadingElement>(null);
  const watch = (): void => {
    opened.value = 'waiting';
    const gone = (): void => {
      opened.value = 'yes';
    };
    addEventListener('blur', gone, { once: true });
    setTimeout(() => {
      removeEventListener('blur', gone);
      if (opened.value !== 'waiting') return;
      opened.value = 'nothing';
      help.current?.focus();
    }, OPENED_MS);
  };
  return (
    <div class="choices">
      <Card class="choice">
        <h2>
          <Icon of={Castle} /> {t('join.have')}
        </h2>
        <p>
          <a class="button big" href={link} id="join-open" onClick={watch}>
            {t('join.way.app')}
          </a>
        </p>
        <p role="status" id="join-opened" class={opened.value === 'nothing' ? 'notice' : 'dim'}>
          {opened.value === 'no' ? t('join.way.appHint') : t(`join.opened.${opened.value}`)}
        </p>
        <details>
          <summary>{t('join.byHand')}</summary>
          <div class="stack">
            <p>{t('join.paste')}</p>
            <p class="actions">
              <CopyButton text={() => location.href} label={t('join.copyPage')} id="copy-page" />
              <CopyButton text={() => link} label={t('common.copyLink')} id="copy-link" />
            </p>
            <p>{t('join.way.command')}:</p>
            <pre tabindex={0}>
              <code id="join-command">{joinCommand(location.href)}</code>
            </pre>
            <CopyButton text={() => joinCommand(location.href)} id="copy-command" />
            <p>
              {t('join.code')}:{' '}
              <strong id="join-code" class="code">
                {showCode(code)}
              </strong>{' '}
              <CopyButton text={() => showCode(code)} class="quiet small" />
            </p>
            <Qr text={location.href} label={t('join.qr')} />
          </div>
        </details>
      </Card>
      <Card class={`choice ${opened.value === 'nothing' ? 'asked' : ''}`}>
        <h2 tabindex={-1} ref={help} id="join-get">
          <Icon of={DownloadIcon} /> {t('join.get')}
        </h2>
        <Downloads info={info} />
      </Card>
    </div>
  );
}

function joinCommand(address: string): string {
  return `sallyport join '${address}'`;
}

/** Only what the operator offers is ever named. */
function Downloads({ info }: { readonly info: MasterInfo | null }) {
  const { files = [], at = null } = info?.downloads ?? {};
  if (at !== null)
    return (
      <>
        <p>
          <a class="button big quiet" href={at} rel="noreferrer" id="join-download">
            {t('join.download.at', { place: new URL(at).host })}
          </a>
        </p>
        <p class="dim">{t('join.download.then')}</p>
      </>
    );
  const programs = files.filter(({ system }) => system !== null);
  const { system, machine } = systemOf(navigator.userAgent, navigator.platform);
  const ours = programs.filter((file) => file.system === system);
  const best = ours.find((file) => file.machine === machine) ?? ours[0];
  if (programs.length === 0) return <p id="join-no-download">{t('join.download.none')}</p>;
  return (
    <>
      {best === undefined ? (
        <p>{t('join.download.notYours')}</p>
      ) : (
        <p>
          <a class="button big quiet" href={best.path} download id="join-download">
            {t('join.download.for', { system: t(`join.system.${best.system ?? 'linux'}`) })}
          </a>
        </p>
      )}
      <p class="dim">{t('join.download.then')}</p>
      {programs.length < 2 ? null : (
        <details>
          <summary>{t('join.download.all')}</summary>
          <ul>
            {programs.map(({ name, path, bytes }) => (
              <li key={name}>
                <a href={path} download>
                  {name}
                </a>{' '}
                <span class="dim">{t('join.download.size', { mb: Math.max(1, Math.round(bytes / 1e6)) })}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

async function ask<Answer>(path: string): Promise<Answer | null> {
  try {
    const answer = await fetch(path);
    return answer.ok ? ((await answer.json()) as Answer) : null;
  } catch {
    return null;
  }
}
