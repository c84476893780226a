import { useSignal } from '@preact/signals';
import { isLocal, saveSettings } from '../local.ts';
import { t } from '../messages/index.ts';
import { followInPage } from '../router.ts';
import { LanguageField, StreamerTick } from './shared-fields.tsx';

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
      <LanguageField id="language" save={saveSettings} />
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
      {isLocal.value ? <StreamerTick id="streamer" save={saveSettings} /> : null}
      <MenuLink path="/playground" text={t('nav.playground')} />
      {isLocal.value ? null : <MenuLink path="/admin" text={t('nav.admin')} />}
    </div>
  );
}

function MenuLink(props: { readonly path: string; readonly text: string }) {
  return (
    <a
      href={props.path}
      onClick={(event) => {
        document.getElementById('preferences')?.hidePopover();
        followInPage(event);
      }}
    >
      {props.text}
    </a>
  );
}
