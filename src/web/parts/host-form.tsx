import { type Signal, useSignal } from '@preact/signals';
import { Castle } from 'lucide';
import type { HostingView } from '../../app/local-api.ts';
import { parseServices } from '../../core/model/service.ts';
import { GAMES } from '../games.ts';
import { Card } from '../kit/card.tsx';
import { Icon } from '../kit/icon.tsx';
import { answerText, command, saveSettings, settings } from '../local.ts';
import { t } from '../messages/index.ts';
import { AnnounceTick } from './announce-tick.tsx';
import { FeaturedGames } from './featured-games.tsx';
import { OwnNetwork } from './own-network.tsx';
import { PlayersField, SettingField } from './setting-field.tsx';

function badServices(text: string): string | null {
  return 'problem' in parseServices(text) ? t('host.bad.services') : null;
}

/** What friends read where the person has given their game no name. */
function nameByDefault(): string {
  const { playerName = '', hostGame = '' } = settings.peek() ?? {};
  if (playerName !== '') return t('host.nameOf', { name: playerName }).slice(0, NAME_MAX);
  return GAMES.find(({ id }) => id === hostGame)?.name ?? t('host.nameNone');
}

const NAME_MAX = 48;

interface Door {
  readonly isPublic: Signal<boolean>;
  readonly ask: Signal<boolean>;
  readonly withPassword: Signal<boolean>;
  readonly password: Signal<string>;
}

export function HostForm(props: { readonly failed: HostingView | null }) {
  const now = settings.value;
  const door: Door = {
    ...{ isPublic: useSignal(false), ask: useSignal(false) },
    ...{ withPassword: useSignal(false), password: useSignal('') },
  };
  const error = useSignal<string | null>(null);
  if (now === null) return null;
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    // The last field has been left for the button by now, so what was typed in it is among the settings.
    const { hostName, hostServices, hostGame, hostPortCustom, playersMax } = settings.peek() ?? now;
    const preset = GAMES.find(({ id }) => id === hostGame);
    const answer = await command({
      do: 'host',
      services: preset === undefined || hostPortCustom ? hostServices : preset.services,
      name: hostName.trim() || nameByDefault(),
      game: preset?.id ?? '',
      playersMax,
      public: door.isPublic.value,
      password: door.withPassword.value ? door.password.value : '',
      ask: door.ask.value,
    });
    error.value = answer.ok ? null : answerText(answer);
  };
  return (
    <form class="stack" onSubmit={submit} aria-labelledby="host-title">
      <h1 id="host-title">{t('host.title')}</h1>
      <div class="columns">
        <GameCard />
        <DoorCard door={door} />
      </div>
      <OwnNetwork />
      <p class="error" role="alert">
        {error.value ?? (props.failed?.failure ? t(`failure.${props.failed.failure}`) : null)}
      </p>
      <button type="submit" id="host-start" class="big">
        <Icon of={Castle} /> {t('host.start')}
      </button>
    </form>
  );
}

/** The game comes first: with it the ports are there. */
function GameCard() {
  const now = settings.value;
  if (now === null) return null;
  const preset = GAMES.find(({ id }) => id === now.hostGame);
  const custom = preset === undefined || now.hostPortCustom;
  return (
    <Card title={t('host.game')}>
      <div class="form">
        {preset === undefined ? <FeaturedGames onTake={(id) => void saveSettings({ hostGame: id })} /> : null}
        <label>
          <span class="hidden">{t('host.game')}</span>
          <select
            id="host-game"
            value={now.hostGame}
            onChange={(event) => void saveSettings({ hostGame: event.currentTarget.value })}
          >
            {GAMES.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
            <option value="">{t('host.gameOther')}</option>
          </select>
        </label>
        {preset === undefined ? null : (
          <label class="tick">
            <input
              type="checkbox"
              id="host-custom"
              checked={custom}
              onChange={(event) => void saveSettings({ hostPortCustom: event.currentTarget.checked })}
            />
            {t('host.portCustom', { port: preset.services })}
          </label>
        )}
        {custom ? (
          <SettingField
            {...{ id: 'host-port', label: t('host.portNumber'), value: now.hostServices }}
            {...{ check: badServices, refusal: t('host.bad.services') }}
            change={(text) => ({ hostServices: text.trim() })}
          />
        ) : null}
        <SettingField
          id="host-name"
          label={t('host.name')}
          maxLength={NAME_MAX}
          placeholder={nameByDefault()}
          value={now.hostName}
          change={(text) => ({ hostName: text })}
        />
        <PlayersField id="host-slots" label={t('host.slots')} value={now.playersMax} />
      </div>
    </Card>
  );
}

function DoorCard(props: { readonly door: Door }) {
  const { isPublic, ask, withPassword, password } = props.door;
  return (
    <Card title={t('host.door')}>
      <p class="dim">{t('host.doorAbout')}</p>
      <div class="form">
        <Tick id="host-ask" on={ask} text={t('host.ask')} />
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
        <Tick id="host-public" on={isPublic} text={t('host.public')} />
        <AnnounceTick />
      </div>
    </Card>
  );
}

function Tick(props: { readonly id: string; readonly on: Signal<boolean>; readonly text: string }) {
  return (
    <label class="tick">
      <input
        id={props.id}
        type="checkbox"
        checked={props.on.value}
        onChange={(event) => (props.on.value = event.currentTarget.checked)}
      />
      {props.text}
    </label>
  );
}
