import { useSignal } from '@preact/signals';
import { isLocal, saveSettings, streamer } from '../local.ts';
import { isLanguage, LANGUAGES, language, t } from '../messages/index.ts';
import { followInPage } from '../router.ts';

const THEMES = ['auto', 'light', 'dark'] as const;

/** How the page looks and speaks, the same on every screen: folded behind one button. */
export function Preferences() {
  const theme = useSignal(localStorage.getItem('sallyport-theme') ?? 'auto');
  const setTheme = (value: string): void => {
    theme.value = value;
    localStorage.setItem('sallyport-theme', value);
    document.documentElement.dataset.theme = value;
  };
  return (
    <div popover id="preferences" class="preferences">
      <label>
        {t('nav.language')}
        <select id="language" value={language.value} onChange={(event) => setLanguage(event.currentTarget.value)}>
          {Object.entries(LANGUAGES).map(([id, entry]) => (
            <option key={id} value={id}>
              {entry.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('nav.theme')}
        <select id="theme" value={theme.value} onChange={(event) => setTheme(event.currentTarget.value)}>
          {THEMES.map((id) => (
            <option key={id} value={id}>
              {t(`theme.${id}`)}
            </option>
          ))}
        </select>
      </label>
      {isLocal.value ? (
        <label class="tick">
          <input
            type="checkbox"
            checked={streamer.value}
            onChange={(event) => void saveSettings({ streamerMode: event.currentTarget.checked })}
          />
          {t('set.streamer')}
        </label>
      ) : null}
      <a
        href="/playground"
        onClick={(event) => {
          document.getElementById('preferences')?.hidePopover();
          followInPage(event);
        }}
      >
        {t('nav.playground')}
      </a>
    </div>
  );
}

function setLanguage(value: string): void {
  if (!isLanguage(value)) return;
  language.value = value;
  localStorage.setItem('sallyport-language', value);
  document.documentElement.lang = value;
  if (isLocal.value) void saveSettings({ language: value });
}
