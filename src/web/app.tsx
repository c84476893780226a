import type { IconNode } from 'lucide';
import {
  Castle,
  Compass,
  EyeOff,
  FlaskConical,
  House,
  Router,
  Server,
  Settings2,
  ShieldCheck,
  SlidersHorizontal,
} from 'lucide';
import { EmptyState } from './kit/empty-state.tsx';
import { Icon } from './kit/icon.tsx';
import { Mark } from './kit/mark.tsx';
import { Toasts } from './kit/toast.tsx';
import { connected, isLocal, local, shownCode, streamer } from './local.ts';
import { type MessageKey, t } from './messages/index.ts';
import { Gone } from './parts/gone.tsx';
import { later } from './parts/later.tsx';
import { Preferences } from './parts/preferences.tsx';
import { followInPage, type Route, route } from './router.ts';
import { Connecting } from './screens/connecting.tsx';
import { Home } from './screens/home.tsx';
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
  readonly icon: IconNode;
  /** Not in the row at the bottom of a phone; the menu has it there. */
  readonly wideOnly?: boolean;
  /** Only while one is there: most who come to the page are guests, and the menu has it for the others. */
  readonly onlyThere?: boolean;
}

const PLAYGROUND: Tab = { path: '/playground', screen: 'playground', text: 'nav.playground', icon: FlaskConical };
const LOCAL_TABS: readonly Tab[] = [
  { path: '/', screen: 'home', text: 'nav.home', icon: House },
  { path: '/servers', screen: 'servers', text: 'nav.servers', icon: Server },
  { path: '/host', screen: 'host', text: 'nav.host', icon: Castle },
  { path: '/network', screen: 'network', text: 'nav.network', icon: Router },
  { path: '/settings', screen: 'settings', text: 'nav.settings', icon: Settings2 },
  { ...PLAYGROUND, wideOnly: true },
];
const MASTER_TABS: readonly Tab[] = [
  { path: '/', screen: 'servers', text: 'nav.servers', icon: Server },
  PLAYGROUND,
  { path: '/admin', screen: 'admin', text: 'nav.admin', icon: ShieldCheck, onlyThere: true },
];

function Screen() {
  const now = route.value;
  switch (now.screen) {
    case 'home':
      return <Home />;
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
    case 'unknown':
      return <Unknown />;
  }
}

function Unknown() {
  return (
    <EmptyState icon={Compass} title={t('unknown.title')}>
      <a class="button" href="/" onClick={followInPage}>
        {t('nav.home')}
      </a>
    </EmptyState>
  );
}

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        {t('app.skip')}
      </a>
      <header>
        <a class="brand" href="/" onClick={followInPage}>
          <Mark />
          <span>{t('app.name')}</span>
        </a>
        <Screens />
        <div class="tools">
          <Running />
          {streamer.value ? <Icon of={EyeOff} label={t('nav.streamer')} /> : null}
          <button
            type="button"
            class="ghost"
            id="preferences-open"
            popovertarget="preferences"
            aria-label={t('nav.more')}
          >
            <Icon of={SlidersHorizontal} />
          </button>
        </div>
        <Preferences />
      </header>
      <MasterNotice />
      <main id="main" tabindex={-1}>
        {connected.value || !isLocal.value ? <Screen /> : <Gone />}
      </main>
      <Toasts />
    </>
  );
}

function Screens() {
  const { screen: here } = route.value;
  const tabs = (isLocal.value ? LOCAL_TABS : MASTER_TABS).filter(
    (tab) => tab.onlyThere !== true || tab.screen === here,
  );
  return (
    <nav class="screens" aria-label={t('nav.label')}>
      {tabs.map(({ path, screen, text, icon, wideOnly }) => (
        <a
          key={path}
          href={path}
          class={wideOnly === true ? 'wide-only' : ''}
          onClick={followInPage}
          aria-current={route.value.screen === screen ? 'page' : undefined}
        >
          <Icon of={icon} />
          <span>{t(text)}</span>
        </a>
      ))}
    </nav>
  );
}

/** The joins that go on, from wherever one is. */
function Running() {
  const running = local.value?.joins.filter((join) => join.phase !== 'stopped' && join.phase !== 'failed') ?? [];
  if (running.length === 0 || !connected.value) return null;
  return (
    <nav class="running" aria-label={t('nav.running')}>
      {running.map((join) => (
        <a key={join.id} href={`/joins/${join.id}`} onClick={followInPage}>
          <span class={`pulse ${join.phase === 'connected' && !join.silent ? 'up' : ''}`} aria-hidden="true" />
          <span>{join.hostName === '' ? shownCode(join.target) : join.hostName}</span>
        </a>
      ))}
    </nav>
  );
}

/** Only what is wrong is said: without a masterserver nothing can be found, but paths that are up go on. */
function MasterNotice() {
  const master = local.value?.master;
  if (master === undefined || !connected.value || master.state === 'up' || master.state === 'none') return null;
  return (
    <p class="notice" role="status" id="master-state" data-state={master.state}>
      {t(`master.${master.state}`)} {master.failure === null ? '' : t(`failure.${master.failure}`)}
    </p>
  );
}
