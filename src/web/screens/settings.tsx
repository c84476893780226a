import { useSignal } from '@preact/signals';
import type { LocalSettings } from '../../agent/local-api.ts';
import { answerText, command, local } from '../local.ts';
import { LANGUAGES, type MessageKey, t } from '../messages/index.ts';

function badStunLine(text: string): number | null {
  const lines = text.split('\n').map((line) => line.trim());
  const index = lines.findIndex((line) => line !== '' && !/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(line));
  return index === -1 ? null : index + 1;
}

export function Settings() {
  const settings = local.value?.settings;
  const error = useSignal<string | null>(null);
  const saved = useSignal(false);
  if (settings === undefined) return null;
  const save = async (change: Partial<LocalSettings>, bad?: MessageKey): Promise<void> => {
    const answer = await command({ do: 'settings', settings: change });
    error.value = answer.ok ? null : bad === undefined ? answerText(answer) : t(bad);
    saved.value = answer.ok;
  };
  const savePort = (text: string): void => {
    const port = Number(text);
    if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text !== '') void save({ localPort: port });
    else error.value = t('set.bad.port');
  };
  const saveStun = (text: string): void => {
    const line = badStunLine(text);
    if (line !== null) error.value = t('set.bad.stun', { line });
    else
      void save({
        stun: text
          .split('\n')
          .map((entry) => entry.trim())
          .filter((entry) => entry !== ''),
      });
  };
  return (
    <section aria-labelledby="set-title" class="form">
      <h1 id="set-title">{t('set.title')}</h1>
      <label>
        {t('set.master')}
        <input
          id="set-master"
          class={settings.streamerMode ? 'secret' : ''}
          autocomplete="off"
          value={settings.master}
          spellcheck={false}
          onChange={(event) => void save({ master: event.currentTarget.value.trim() }, 'set.bad.master')}
        />
      </label>
      <label>
        {t('set.stun')}
        <textarea id="set-stun" rows={4} spellcheck={false} onChange={(event) => saveStun(event.currentTarget.value)}>
          {settings.stun.join('\n')}
        </textarea>
      </label>
      <label>
        {t('set.name')}
        <input
          id="set-name"
          value={settings.playerName}
          maxLength={32}
          onChange={(event) => void save({ playerName: event.currentTarget.value })}
        />
      </label>
      <label>
        {t('set.localPort')}
        <input
          id="set-port"
          class="short"
          inputMode="numeric"
          value={settings.localPort}
          onChange={(event) => savePort(event.currentTarget.value)}
        />
      </label>
      <label>
        {t('set.language')}
        <select
          id="set-language"
          value={settings.language}
          onChange={(event) => void save({ language: event.currentTarget.value })}
        >
          {Object.entries(LANGUAGES).map(([id, entry]) => (
            <option key={id} value={id}>
              {entry.name}
            </option>
          ))}
        </select>
      </label>
      <label class="tick">
        <input
          id="set-streamer"
          type="checkbox"
          checked={settings.streamerMode}
          onChange={(event) => void save({ streamerMode: event.currentTarget.checked })}
        />{' '}
        {t('set.streamer')}
      </label>
      <p class="error" role="alert">
        {error.value}
      </p>
      <p aria-live="polite">{saved.value ? t('set.saved') : ''}</p>
    </section>
  );
}
