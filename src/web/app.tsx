import { useSignal } from '@preact/signals';
import { connected, isLocal, local, locked, saveSettings, shownCode, streamer } from './local.ts';
import { isLanguage, LANGUAGES, language, type MessageKey, t } from './messages/index.ts';
import { later } from './parts/later.tsx';
import { followInPage, type Route, route } from './router.ts';
import { Connecting } from './screens/connecting.tsx';
import { Host } from './screens/host.tsx';
import { JoinPage } from './screens/join-page.tsx';
import { Network } from './screens/network.tsx';
import { Servers } from './screens/servers.tsx';
import { Settings } from './screens/settings.tsx';

/** The simulator and an operator's charts are parts of their own: most people never load them. */
const Admin = later(async () => (await import('./screens/admin.tsx')).Admin);
const Playground = later(async () => (await import('./screens/playground.tsx')).Playground);

interface Tab {
  readonly path: string;
  readonly screen: Route['screen'];
  readonly text: MessageKey;
}

const LOCAL_TABS: readonly Tab[] = [
  { path: '/', screen: 'servers', text: 'nav.servers' },
  { path: '/host', screen: 'host', text: 'nav.host' },
  { path: '/network', screen: 'network', text: 'nav.network' },
  { path: '/settings', screen: 'settings', text: 'nav.settings' },
  { path: '/playground', screen: 'playground', text: 'nav.playground' },
];
const MASTER_TABS: readonly Tab[] = [
  { path: '/', screen: 'servers', text: 'nav.servers' },
  { path: '/playground', screen: 'playground', text: 'nav.playground' },
  { path: '/admin', screen: 'admin', text: 'nav.admin' },
];

function Screen() {
  const now = route.value;
  switch (now.screen) {
    case 'servers':
      return <Servers />;
    case 'join-page':
      return <JoinPage code={now.code} key={now.code} />;
    case 'host':
      return <Host />;
    case 'connecting':
      return <Connecting join={now.join} />;
    case 'network':
      return <Network />;
    case 'settings':
      return <Settings />;
    case 'admin':
      return <Admin />;
    case 'playground':
      return <Playground />;
  }
}

export function App() {
  const tabs = isLocal.value ? LOCAL_TABS : MASTER_TABS;
  const running = local.value?.joins.filter((join) => join.phase !== 'stopped' && join.phase !== 'failed') ?? [];
  return (
    <>
      <a class="skip" href="#main">
        {t('app.skip')}
      </a>
      <header>
        <a class="brand" href="/" onClick={followInPage}>
          {t('app.name')}
        </a>
        <nav aria-label={t('nav.label')}>
          {tabs.map((tab) => (
            <a
              key={tab.path}
              href={tab.path}
              onClick={followInPage}
              aria-current={route.value.screen === tab.screen ? 'page' : undefined}
            >
              {t(tab.text)}
            </a>
          ))}
          {running.map((join) => (
            <a key={join.id} href={`/joins/${join.id}`} onClick={followInPage}>
              <span aria-hidden="true">⇄</span> {join.hostName === '' ? shownCode(join.target) : join.hostName}
            </a>
          ))}
        </nav>
        <Preferences />
      </header>
      {connected.value ? null : (
        <p class="notice" role="alert">
          {locked.value ? t('common.locked') : t('problem.OFFLINE')}
        </p>
      )}
      <MasterNotice />
      <main id="main" tabindex={-1}>
        <Screen />
      </main>
    </>
  );
}

/** Only what is wrong is said: without a masterserver nothing can be found, but paths that are up go on. */
function MasterNotice() {
  const master = local.value?.master;
  if (master === undefined || !connected.value || master.state === 'up') return null;
  return (
    <p class="notice" role="status" id="master-state" data-state={master.state}>
      {t(`master.${master.state}`)} {master.failure === null ? '' : t(`failure.${master.failure}`)}
    </p>
  );
}

function Preferences() {
  const theme = useSignal(localStorage.getItem('sallyport-theme') ?? 'auto');
  const setTheme = (value: string): void => {
    theme.value = value;
    localStorage.setItem('sallyport-theme', value);
    document.documentElement.dataset.theme = value;
  };
  const setLanguage = (value: string): void => {
    if (!isLanguage(value)) return;
    language.value = value;
    localStorage.setItem('sallyport-language', value);
    document.documentElement.lang = value;
    if (isLocal.value) void saveSettings({ language: value });
  };
  return (
    <div class="preferences">
      {isLocal.value ? (
        <label class="tick">
          <input
            type="checkbox"
            checked={streamer.value}
            onChange={(event) => void saveSettings({ streamerMode: event.currentTarget.checked })}
          />{' '}
          {t('nav.streamer')}
        </label>
      ) : null}
      <select
        aria-label={t('nav.language')}
        id="language"
        value={language.value}
        onChange={(event) => setLanguage(event.currentTarget.value)}
      >
        {Object.entries(LANGUAGES).map(([id, entry]) => (
          <option key={id} value={id}>
            {entry.name}
          </option>
        ))}
      </select>
      <select
        aria-label={t('nav.theme')}
        id="theme"
        value={theme.value}
        onChange={(event) => setTheme(event.currentTarget.value)}
      >
        {(['auto', 'light', 'dark'] as const).map((id) => (
          <option key={id} value={id}>
            {t(`theme.${id}`)}
          </option>
        ))}
      </select>
    </div>
  );
}
