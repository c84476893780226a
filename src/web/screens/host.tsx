import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { BanView, FriendView, HostingView } from '../../app/local-api.ts';
import { showCode } from '../../core/model/code.ts';
import { parseServices } from '../../core/model/service.ts';
import { percent } from '../format.ts';
import { GAMES } from '../games.ts';
import { wayText } from '../join-words.ts';
import { answerText, command, local, saveSettings, settings, shownCode, streamer } from '../local.ts';
import { t } from '../messages/index.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { Qr } from '../parts/qr.tsx';
import { PlayersField, SettingField } from '../parts/setting-field.tsx';
import { Words } from '../parts/words.tsx';

const QUESTION_READ_MS = 700;

export function Host() {
  const hosting = local.value?.hosting ?? null;
  return hosting === null || hosting.state === 'failed' ? <StartForm failed={hosting} /> : <Open hosting={hosting} />;
}

/** The three sentences about one's own network (the original's start-server window). */
function OwnNetwork() {
  const profile = local.value?.profile ?? null;
  return (
    <p aria-live="polite" id="own-network">
      <strong>{t('host.yourNetwork')}:</strong>{' '}
      {profile === null ? t('host.easy.unknown') : t(`host.easy.${profile.verdict}`)}
    </p>
  );
}

function badServices(text: string): string | null {
  return 'problem' in parseServices(text) ? t('host.bad.services') : null;
}

function StartForm(props: { readonly failed: HostingView | null }) {
  const now = settings.value;
  const isPublic = useSignal(false);
  const ask = useSignal(false);
  const withPassword = useSignal(false);
  const password = useSignal('');
  const error = useSignal<string | null>(null);
  if (now === null) return null;
  const custom = now.hostPortCustom;
  const preset = GAMES.find((entry) => entry.id === now.hostGame);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    // The last field has been left for the button by now, so what was typed in it is among the settings.
    const { hostName, hostServices, playersMax } = settings.peek() ?? now;
    const services = custom ? hostServices : (preset?.services ?? '');
    if (services === '') {
      error.value = t('host.portAutoNone');
      return;
    }
    const answer = await command({
      do: 'host',
      services,
      name: hostName,
      game: preset?.id ?? '',
      playersMax,
      public: isPublic.value,
      password: withPassword.value ? password.value : '',
      ask: ask.value,
    });
    error.value = answer.ok ? null : answerText(answer);
  };
  return (
    <form class="form" onSubmit={submit} aria-labelledby="host-title">
      <h1 id="host-title">{t('host.title')}</h1>
      <GameField value={now.hostGame} />
      <fieldset>
        <legend>{t('host.port')}</legend>
        <label class="tick">
          <input
            type="checkbox"
            id="host-custom"
            checked={custom}
            onChange={(event) => void saveSettings({ hostPortCustom: event.currentTarget.checked })}
          />{' '}
          {t('host.portCustom')}
        </label>
        <SettingField
          {...{ id: 'host-port', label: t('host.portNumber'), value: now.hostServices, disabled: !custom }}
          {...{ check: badServices, refusal: t('host.bad.services') }}
          change={(text) => ({ hostServices: text.trim() })}
        />
        <p class="dim">
          {custom
            ? ''
            : preset === undefined
              ? t('host.portAutoNone')
              : t('host.portAutoHint', { port: preset.services })}
        </p>
      </fieldset>
      <SettingField
        id="host-name"
        label={t('host.name')}
        required
        maxLength={48}
        value={now.hostName}
        change={(text) => ({ hostName: text })}
      />
      <PlayersField id="host-slots" label={t('host.slots')} value={now.playersMax} />
      <Tick id="host-public" on={isPublic} text={t('host.public')} />
      <Tick id="host-password-on" on={withPassword} text={t('host.password')} />
      {withPassword.value ? (
        <label>
          {t('host.passwordField')}
          <input
            id="host-password"
            type="password"
            autocomplete="new-password"
            required
            value={password.value}
            onInput={(event) => (password.value = event.currentTarget.value)}
          />
        </label>
      ) : null}
      <Tick id="host-ask" on={ask} text={t('host.ask')} />
      <AnnounceTick />
      <OwnNetwork />
      <p class="error" role="alert">
        {error.value ?? (props.failed?.failure ? t(`failure.${props.failed.failure}`) : null)}
      </p>
      <button type="submit" id="host-start">
        {t('host.start')}
      </button>
    </form>
  );
}

function GameField(props: { readonly value: string }) {
  return (
    <label>
      {t('host.game')}
      <select
        id="host-game"
        value={props.value}
        onChange={(event) => void saveSettings({ hostGame: event.currentTarget.value })}
      >
        <option value="">{t('host.gameOther')}</option>
        {GAMES.map((entry) => (
          <option key={entry.id} value={entry.id}>
            {entry.name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Tick(props: { readonly id: string; readonly on: { value: boolean }; readonly text: string }) {
  return (
    <label class="tick">
      <input
        id={props.id}
        type="checkbox"
        checked={props.on.value}
        onChange={(event) => (props.on.value = event.currentTarget.checked)}
      />{' '}
      {props.text}
    </label>
  );
}

/** Can be changed while the server is open, too; nothing is said by a server that hides its address. */
function AnnounceTick() {
  return (
    <label class="tick">
      <input
        id="host-announce"
        type="checkbox"
        checked={(settings.value?.announceOnLan ?? true) && settings.value?.relay !== 'only'}
        disabled={settings.value?.relay === 'only'}
        onChange={(event) => void saveSettings({ announceOnLan: event.currentTarget.checked })}
      />{' '}
      {t('host.announce')}
    </label>
  );
}

function Open(props: { readonly hosting: HostingView }) {
  const { hosting } = props;
  if (hosting.state === 'starting') return <p role="status">{t('host.starting')}</p>;
  const hide = streamer.value;
  const asking = hosting.friends.find(({ state }) => state === 'asking');
  const others = hosting.friends.filter((friend) => friend !== asking);
  return (
    <section aria-labelledby="open-title">
      <h1 id="open-title">{t('host.open', { name: hosting.name })}</h1>
      {hosting.state === 'replaced' ? (
        <p class="error" role="alert">
          {t('failure.HOST_REPLACED')}
        </p>
      ) : null}
      {hosting.silentPorts.length === 0 ? null : (
        <p class="notice" role="status">
          {t('host.silent', { port: hosting.silentPorts.join(', ') })}
        </p>
      )}
      {hosting.uploadFull ? (
        <p class="notice" role="status">
          {t('host.uploadFull')}
        </p>
      ) : null}
      {hosting.addressesShared ? <p class="notice">{t('host.addressesShared')}</p> : null}
      <p>{t('host.code')}:</p>
      <p class="big-code" id="host-code">
        {shownCode(hosting.code)}
      </p>
      <p class="dim">
        {t('host.codeStable')} {hosting.copied ? t('host.copied') : ''}
      </p>
      <p class="actions">
        <CopyButton text={() => showCode(hosting.code)} label={t('common.copyCode')} id="copy-code" />
        <CopyButton text={() => hosting.invite} label={t('common.copyLink')} id="copy-link" />
        <button type="button" class="danger" id="host-stop" onClick={() => void command({ do: 'unhost' })}>
          {t('common.stop')}
        </button>
      </p>
      {hide ? null : <Qr text={hosting.invite} label={t('join.qr')} />}
      <AnnounceTick />
      <OwnNetwork />
      <h2>{t('host.players')}</h2>
      {hosting.wrongPasswords > 0 ? (
        <p class="notice" role="status" id="wrong-passwords">
          {t('host.wrongPasswords', { count: hosting.wrongPasswords })}
        </p>
      ) : null}
      {hosting.friends.length === 0 ? <p class="dim">{t('host.noPlayers')}</p> : null}
      {asking === undefined ? null : <Question key={asking.friend + asking.instance} friend={asking} />}
      {hosting.friends.some(({ via }) => via !== null) ? (
        <p class="dim" id="host-relay-sees">
          {t('direct.sees')}
        </p>
      ) : null}
      <ul class="friends" aria-live="polite">
        {others.map((friend) => (
          <Friend key={friend.friend + friend.instance} friend={friend} />
        ))}
      </ul>
      {hosting.bans.length === 0 ? null : (
        <>
          <h2>{t('host.bans')}</h2>
          <ul class="friends" id="host-bans">
            {hosting.bans.map((ban) => (
              <Ban key={JSON.stringify(ban.ban)} ban={ban} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Ban(props: { readonly ban: BanView }) {
  const { ban, name, fingerprint, at } = props.ban;
  return (
    <li>
      {fingerprint === null ? (
        t('host.banNetworkOf', { name: name || '?' })
      ) : (
        <>
          <strong>{name || '?'}</strong> {t('host.key')} <code>{fingerprint}</code>
        </>
      )}{' '}
      <span class="dim">{new Date(at).toLocaleString()}</span>
      <button type="button" class="quiet" onClick={() => void command({ do: 'unban', ban })}>
        {t('host.unban')}
      </button>
    </li>
  );
}

/**
 * The one question. The buttons answer for this friend's key, and take no click in the first moment: one that was meant for the
 * question that stood here before would land on them.
 */
function Question(props: { readonly friend: FriendView }) {
  const { friend, name, fingerprint, knownAs } = props.friend;
  const ready = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      ready.value = true;
    }, QUESTION_READ_MS);
    return () => clearTimeout(timer);
  }, []);
  const answer = (admit: boolean): void => void command({ do: 'admit', friend, admit });
  return (
    <section class="notice" role="alert" id="host-question" data-friend={friend}>
      <p>
        <strong>{t('host.question', { name })}</strong>{' '}
        {knownAs === null ? t('host.new') : t('host.known', { name: knownAs })} {t('host.key')}{' '}
        <code>{fingerprint}</code>
      </p>
      <p class="actions">
        <button type="button" disabled={!ready.value} onClick={() => answer(true)}>
          {t('host.admit')}
        </button>
        <button type="button" class="quiet" disabled={!ready.value} onClick={() => answer(false)}>
          {t('host.refuse')}
        </button>
      </p>
    </section>
  );
}

function Friend(props: { readonly friend: FriendView }) {
  const { friend, name, state, kind, via, rttMs, loss, seat, connectedAt, words } = props.friend;
  const parts = [
    t(`host.state.${state}`),
    kind === null ? '' : wayText(kind, via),
    rttMs === null ? '' : t('connect.rtt', { ms: Math.round(rttMs) }),
    loss === null || loss < 0.001 ? '' : t('host.loss', { percent: percent(loss) }),
    seat === null ? '' : t('host.seenAs', { address: seat }),
    connectedAt === null ? '' : t('host.since', { time: new Date(connectedAt).toLocaleTimeString() }),
  ];
  return (
    <li data-friend={friend}>
      <strong>{name}</strong> {parts.filter((part) => part !== '').join(' · ')}
      {state === 'connected' ? (
        <>
          <button type="button" class="quiet" onClick={() => void command({ do: 'kick', friend })}>
            {t('host.kick')}
          </button>
          <button type="button" class="quiet" onClick={() => void command({ do: 'ban', friend, network: false })}>
            {t('host.ban')}
          </button>
          <button
            type="button"
            class="quiet"
            title={t('host.banNetworkHint')}
            onClick={() => void command({ do: 'ban', friend, network: true })}
          >
            {t('host.banNetwork')}
          </button>
        </>
      ) : null}
      {words === null ? null : <Words words={words} />}
    </li>
  );
}
