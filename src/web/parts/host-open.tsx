import { Bell, CircleStop, Users } from 'lucide';
import { type BanView, type HostingView, isInside } from '../../app/local-api.ts';
import { showCode } from '../../core/model/code.ts';
import { askForNotices, notices, setSound, sound } from '../doorbell.ts';
import { dateTime } from '../format.ts';
import { Badge } from '../kit/badge.tsx';
import { Card } from '../kit/card.tsx';
import { ConfirmButton } from '../kit/confirm-button.tsx';
import { EmptyState } from '../kit/empty-state.tsx';
import { Icon } from '../kit/icon.tsx';
import { command, shownCode, streamer } from '../local.ts';
import { t } from '../messages/index.ts';
import { AnnounceTick } from './announce-tick.tsx';
import { CopyButton } from './copy-button.tsx';
import { Friend, Question } from './friends.tsx';
import { OwnNetwork } from './own-network.tsx';
import { Qr } from './qr.tsx';

/** A game that is open: how friends get in, who asks, who is there, who stays out. */
export function HostOpen(props: { readonly hosting: HostingView }) {
  const { hosting } = props;
  if (hosting.state === 'starting') return <p role="status">{t('host.starting')}</p>;
  const asking = hosting.friends.find(({ state }) => state === 'asking');
  return (
    <section class="stack" aria-labelledby="open-title">
      <div class="row-line spread">
        <h1 id="open-title">{t('host.open', { name: hosting.name })}</h1>
        <ConfirmButton
          {...{ id: 'host-stop', icon: CircleStop, label: t('common.stop'), question: t('host.stopAsk') }}
          onConfirm={() => void command({ do: 'unhost' })}
        >
          {t('host.stopAbout')}
        </ConfirmButton>
      </div>
      <Notices hosting={hosting} />
      {asking === undefined ? null : <Question key={asking.friend + asking.instance} friend={asking} />}
      <Invitation hosting={hosting} />
      <Friends hosting={hosting} />
      <Bans bans={hosting.bans} />
      <Card title={t('host.door')}>
        <Doorbell />
        <AnnounceTick />
        <OwnNetwork />
      </Card>
    </section>
  );
}

function Notices(props: { readonly hosting: HostingView }) {
  const { state, silentPorts, uploadFull, addressesShared, wrongPasswords } = props.hosting;
  return (
    <>
      {state === 'replaced' ? (
        <p class="notice bad" role="alert">
          {t('failure.HOST_REPLACED')}
        </p>
      ) : null}
      {silentPorts.length === 0 ? null : (
        <p class="notice" role="status" id="host-silent">
          {t('host.silent', { port: silentPorts.join(', ') })}
        </p>
      )}
      {uploadFull ? (
        <p class="notice" role="status">
          {t('host.uploadFull')}
        </p>
      ) : null}
      {addressesShared ? <p class="notice info">{t('host.addressesShared')}</p> : null}
      {wrongPasswords > 0 ? (
        <p class="notice" role="status" id="wrong-passwords">
          {t('host.wrongPasswords', { count: wrongPasswords })}
        </p>
      ) : null}
    </>
  );
}

function Invitation(props: { readonly hosting: HostingView }) {
  const { code, invite, link, copied } = props.hosting;
  return (
    <section class="card invitation" aria-labelledby="invite-title">
      <div class="stack">
        <h2 id="invite-title">{t('host.invite')}</h2>
        <p class="big-code" id="host-code">
          {shownCode(code)}
        </p>
        <p class="dim">
          {t('host.codeStable')} {copied ? t('host.copied') : ''}
        </p>
        <div class="actions">
          <CopyButton text={() => invite} label={t('host.copyInvite')} id="copy-link" class="big" />
          <CopyButton text={() => showCode(code)} label={t('common.copyCode')} id="copy-code" class="quiet big" />
          {link === invite ? null : (
            <CopyButton text={() => link} label={t('host.copyAppLink')} id="copy-app-link" class="ghost" />
          )}
        </div>
      </div>
      {streamer.value ? null : <Qr text={invite} label={t('host.qr')} />}
    </section>
  );
}

function Friends(props: { readonly hosting: HostingView }) {
  const { friends } = props.hosting;
  const shown = friends.filter(({ state }) => state !== 'asking');
  const here = friends.filter(isInside).length;
  return (
    <Card title={t('host.players')} aside={here > 0 ? <Badge tone="good">{t('host.here', { n: here })}</Badge> : null}>
      {friends.length === 0 ? (
        <EmptyState icon={Users} title={t('host.noPlayers')}>
          <p>{t('host.noPlayersAbout')}</p>
        </EmptyState>
      ) : null}
      {friends.some(({ via }) => via !== null) ? (
        <p class="hint" id="host-relay-sees">
          {t('direct.sees')}
        </p>
      ) : null}
      <ul class="plain friends" aria-live="polite">
        {shown.map((friend) => (
          <Friend key={friend.friend + friend.instance} friend={friend} />
        ))}
      </ul>
    </Card>
  );
}

function Bans(props: { readonly bans: readonly BanView[] }) {
  if (props.bans.length === 0) return null;
  return (
    <Card title={t('host.bans')}>
      <ul class="plain friends" id="host-bans">
        {props.bans.map(({ ban, name, fingerprint, at }) => (
          <li key={JSON.stringify(ban)} class="row-line">
            <strong>{fingerprint === null ? t('host.banNetworkOf', { name: name || '?' }) : name || '?'}</strong>
            {fingerprint === null ? null : (
              <span class="dim">
                {t('host.key')} <code>{fingerprint}</code>
              </span>
            )}
            <span class="dim">{dateTime(at)}</span>
            <button type="button" class="quiet small" onClick={() => void command({ do: 'unban', ban })}>
              {t('host.unban')}
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Doorbell() {
  return (
    <>
      <label class="tick">
        <input
          type="checkbox"
          id="host-sound"
          checked={sound.value}
          onChange={(event) => setSound(event.currentTarget.checked)}
        />
        {t('host.sound')}
      </label>
      {notices.value === 'default' ? (
        <p class="actions">
          <button type="button" class="quiet" id="host-notify" onClick={() => void askForNotices()}>
            <Icon of={Bell} /> {t('host.notify')}
          </button>
        </p>
      ) : null}
    </>
  );
}
