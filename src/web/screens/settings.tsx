import { useSignal } from '@preact/signals';
import { Power } from 'lucide';
import type { LocalSettings, SettingsChange } from '../../app/local-api.ts';
import { Badge } from '../kit/badge.tsx';
import { Card } from '../kit/card.tsx';
import { ConfirmButton } from '../kit/confirm-button.tsx';
import { toast } from '../kit/toast.tsx';
import { answerText, command, local, quitHere, saveSettings, settings } from '../local.ts';
import { t } from '../messages/index.ts';
import { NumberField, PlayersField, SettingField } from '../parts/setting-field.tsx';
import { LanguageField, StreamerTick } from '../parts/shared-fields.tsx';

const MODES = ['allow', 'never', 'only'] as const;

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function badStun(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  const index = lines.findIndex((line) => line !== '' && !/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(line));
  return index === -1 ? null : t('set.bad.stun', { line: index + 1 });
}

async function save(change: SettingsChange): Promise<void> {
  const answer = await saveSettings(change);
  toast(answer.ok ? t('set.saved') : answerText(answer));
}

/** Every change is kept at once; what is wrong is said beside its field. */
export function Settings() {
  const now = settings.value;
  if (now === null) return null;
  return (
    <section aria-labelledby="set-title" class="stack">
      <h1 id="set-title">{t('set.title')}</h1>
      <div class="columns">
        <div class="stack">
          <You now={now} />
          <Privacy now={now} />
        </div>
        <div class="stack">
          <Connection now={now} />
          <Program />
        </div>
      </div>
    </section>
  );
}

interface Part {
  readonly now: LocalSettings;
}

function onAnswer(answer: { readonly ok: boolean }): void {
  if (answer.ok) toast(t('set.saved'));
}

function You({ now }: Part) {
  return (
    <Card title={t('set.you')}>
      <div class="form">
        <SettingField
          {...{ id: 'set-name', label: t('set.name'), maxLength: 32, value: now.playerName, onAnswer }}
          change={(text) => ({ playerName: text })}
        />
        <LanguageField id="set-language" save={save} />
        <PlayersField {...{ id: 'set-players', label: t('set.players'), value: now.playersMax, onAnswer }} />
      </div>
    </Card>
  );
}

function Privacy({ now }: Part) {
  return (
    <Card title={t('set.privacy')}>
      <div class="form">
        <StreamerTick id="set-streamer" save={save} />
        <label>
          {t('set.relay')}
          <select
            id="set-relay"
            value={now.relay}
            onChange={(event) => {
              const relay = MODES.find((mode) => mode === event.currentTarget.value);
              if (relay !== undefined) void save({ relay });
            }}
          >
            {MODES.map((mode) => (
              <option key={mode} value={mode}>
                {t(`set.relay.${mode}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
    </Card>
  );
}

function Connection({ now }: Part) {
  return (
    <Card title={t('set.connection')}>
      <div class="form">
        <SettingField
          {...{ id: 'set-master', label: t('set.master'), value: now.master, onAnswer }}
          class={now.streamerMode ? 'secret' : ''}
          change={(text) => ({ master: text.trim() })}
          refusal={t('problem.MASTER_LINK')}
        />
        <OwnMaster />
        <NumberField
          {...{ id: 'set-port', label: t('set.localPort'), value: now.localPort, onAnswer }}
          {...{ min: 0, max: 65_535, refusal: t('set.bad.port') }}
          change={(localPort) => ({ localPort })}
        />
        <SettingField
          {...{ id: 'set-stun', label: t('set.stun'), rows: 3, value: now.stun.join('\n'), check: badStun, onAnswer }}
          change={(text) => ({ stun: linesOf(text) })}
        />
      </div>
    </Card>
  );
}

/** The masterserver in this program, where there is one. */
function OwnMaster() {
  const own = local.value?.ownMaster ?? null;
  if (own === null || own.state === 'off' || own.state === 'impossible') return null;
  return (
    <div class="stack" id="set-own-master">
      <p class="row-line">
        <Badge tone={own.state === 'on' ? 'good' : 'fair'}>{t(`set.own.${own.state}`)}</Badge>
        {own.way === null ? null : <span class="dim">{t(`set.own.way.${own.way}`)}</span>}
      </p>
      <ConfirmButton
        {...{ class: 'quiet small', label: t('set.own.end'), question: t('set.own.endAsk') }}
        onConfirm={() => void command({ do: 'own-master', on: false })}
      >
        {t('set.own.endAbout')}
      </ConfirmButton>
    </div>
  );
}

/** Is it this program that opens invitations which are clicked? Only where it can see to that. */
function OpensLinks() {
  const opens = local.value?.opensLinks ?? null;
  /** What was asked for and is not done yet, so that the tick does not fall back meanwhile. */
  const wanted = useSignal<boolean | null>(null);
  if (opens === null) return null;
  const set = async (on: boolean): Promise<void> => {
    wanted.value = on;
    const answer = await command({ do: 'links', on });
    wanted.value = null;
    const done = local.value?.opensLinks === on;
    toast(!answer.ok ? answerText(answer) : t(done ? 'set.saved' : 'set.links.failed'));
  };
  return (
    <div>
      <label class="tick">
        <input
          id="set-links"
          type="checkbox"
          checked={wanted.value ?? opens}
          disabled={wanted.value !== null}
          aria-describedby="set-links-about"
          onChange={(event) => void set(event.currentTarget.checked)}
        />
        {t('set.links')}
      </label>
      <p class="hint" id="set-links-about">
        {t('set.links.about')}
      </p>
    </div>
  );
}

function Program() {
  const quit = async (): Promise<void> => {
    quitHere.value = true;
    const answer = await command({ do: 'quit' });
    if (!answer.ok) quitHere.value = false;
  };
  return (
    <Card title={t('set.program')}>
      <OpensLinks />
      <p class="dim">{t('set.quitHint')}</p>
      <p class="actions">
        <ConfirmButton
          {...{ id: 'quit', icon: Power, label: t('set.quit'), question: t('set.quitAsk') }}
          onConfirm={() => void quit()}
        >
          {t('set.quitHint')}
        </ConfirmButton>
      </p>
    </Card>
  );
}
