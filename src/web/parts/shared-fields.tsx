/** What is set in the frame and in the settings alike. */
import type { SettingsChange } from '../../app/local-api.ts';
import { isLocal, settings } from '../local.ts';
import { isLanguage, LANGUAGES, language, t } from '../messages/index.ts';

interface Field {
  readonly id: string;
  readonly save: (change: SettingsChange) => unknown;
}

/** Kept by the browser, and where the page is a program's by that. */
export function LanguageField({ id, save }: Field) {
  const choose = (value: string): void => {
    if (!isLanguage(value)) return;
    language.value = value;
    localStorage.setItem('sallyport-language', value);
    if (isLocal.value) void save({ language: value });
  };
  return (
    <label>
      {t('set.language')}
      <select id={id} value={language.value} onChange={(event) => choose(event.currentTarget.value)}>
        {Object.entries(LANGUAGES).map(([key, entry]) => (
          <option key={key} value={key}>
            {entry.name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function StreamerTick({ id, save }: Field) {
  return (
    <label class="tick">
      <input
        id={id}
        type="checkbox"
        checked={settings.value?.streamerMode ?? false}
        onChange={(event) => void save({ streamerMode: event.currentTarget.checked })}
      />
      {t('set.streamer')}
    </label>
  );
}
