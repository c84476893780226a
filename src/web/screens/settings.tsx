import { useSignal } from '@preact/signals';
import type { LocalAnswer, SettingsChange } from '../../app/local-api.ts';
import { command, saveSettings, settings } from '../local.ts';
import { LANGUAGES, language, t } from '../messages/index.ts';
import { NumberField, PlayersField, SettingField } from '../parts/setting-field.tsx';

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

export function Settings() {
  const now = settings.value;
  const saved = useSignal(false);
  if (now === null) return null;
  const onAnswer = (answer: LocalAnswer): void => {
    saved.value = answer.ok;
  };
  const save = (change: SettingsChange): void => void saveSettings(change).then(onAnswer);
  return (
    <section aria-labelledby="set-title" class="form">
      <h1 id="set-title">{t('set.title')}</h1>
      <SettingField
        id="set-master"
        label={t('set.master')}
        class={now.streamerMode ? 'secret' : ''}
        value={now.master}
        change={(text) => ({ master: text.trim() })}
        refusal={t('problem.MASTER_LINK')}
        onAnswer={onAnswer}
      />
      <SettingField
        id="set-stun"
        label={t('set.stun')}
        rows={4}
        value={now.stun.join('\n')}
        check={badStun}
        change={(text) => ({ stun: linesOf(text) })}
        onAnswer={onAnswer}
      />
      <SettingField
        id="set-name"
        label={t('set.name')}
        maxLength={32}
        value={now.playerName}
        change={(text) => ({ playerName: text })}
        onAnswer={onAnswer}
      />
      <NumberField
        {...{ id: 'set-port', label: t('set.localPort'), value: now.localPort, onAnswer }}
        {...{ min: 0, max: 65_535, refusal: t('set.bad.port') }}
        change={(localPort) => ({ localPort })}
      />
      <PlayersField {...{ id: 'set-players', label: t('set.players'), value: now.playersMax, onAnswer }} />
      <label>
        {t('set.language')}
        <select
          id="set-language"
          value={language.value}
          onChange={(event) => save({ language: event.currentTarget.value })}
        >
          {Object.entries(LANGUAGES).map(([id, entry]) => (
            <option key={id} value={id}>
              {entry.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('set.relay')}
        <select
          id="set-relay"
          value={now.relay}
          onChange={(event) => {
            const relay = MODES.find((mode) => mode === event.currentTarget.value);
            if (relay !== undefined) save({ relay });
          }}
        >
          {MODES.map((mode) => (
            <option key={mode} value={mode}>
              {t(`set.relay.${mode}`)}
            </option>
          ))}
        </select>
      </label>
      <label class="tick">
        <input
          id="set-streamer"
          type="checkbox"
          checked={now.streamerMode}
          onChange={(event) => save({ streamerMode: event.currentTarget.checked })}
        />{' '}
        {t('set.streamer')}
      </label>
      <p class="actions">
        <button type="button" class="danger" id="quit" onClick={() => void command({ do: 'quit' })}>
          {t('set.quit')}
        </button>
        <span class="dim">{t('set.quitHint')}</span>
      </p>
      <p aria-live="polite" id="set-saved">
        {saved.value ? t('set.saved') : ''}
      </p>
    </section>
  );
}
