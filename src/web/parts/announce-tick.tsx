import { saveSettings, settings } from '../local.ts';
import { t } from '../messages/index.ts';

/** Can be changed while the server is open, too; nothing is said by a server that hides its address. */
export function AnnounceTick() {
  return (
    <label class="tick">
      <input
        id="host-announce"
        type="checkbox"
        checked={(settings.value?.announceOnLan ?? true) && settings.value?.relay !== 'only'}
        disabled={settings.value?.relay === 'only'}
        onChange={(event) => void saveSettings({ announceOnLan: event.currentTarget.checked })}
      />
      {t('host.announce')}
    </label>
  );
}
