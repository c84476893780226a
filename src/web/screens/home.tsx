import { useSignal } from '@preact/signals';
import { Castle, ClipboardPaste, DoorOpen, History, Wifi } from 'lucide';
import type { LocalState } from '../../app/local-api.ts';
import { Card } from '../kit/card.tsx';
import { Icon } from '../kit/icon.tsx';
import { openRow, rows } from '../list.ts';
import {
  command,
  joinTarget,
  local,
  offered,
  saveSettings,
  settings,
  shownCode,
  streamer,
  TARGET_CHARACTERS_MAX,
} from '../local.ts';
import { t } from '../messages/index.ts';
import { FeaturedGames } from '../parts/featured-games.tsx';
import { Gates } from '../parts/gates.tsx';
import { followInPage, go } from '../router.ts';

/** The two things one comes for. Neither needs any setting before. */
export function Home() {
  return (
    <>
      <section class="hero" id="home" data-master={local.value?.master.state} aria-labelledby="home-title">
        <div class="stack">
          <h1 id="home-title">{t('home.title')}</h1>
          <p>{t('home.about')}</p>
        </div>
        <Gates label={null} own="open" peer="open" up>
          <circle class="traveller" r="4.5" cy="118" />
          <circle class="traveller back" r="4.5" cy="118" />
        </Gates>
      </section>
      <div class="choices">
        <Join />
        <HostChoice />
      </div>
      <LinksQuestion />
      <Recent />
      <Near />
    </>
  );
}

function Join() {
  const target = useSignal(offered.value);
  const error = useSignal<string | null>(null);
  const join = async (text: string): Promise<void> => {
    const wanted = text.trim();
    // An official public server is joined from the game itself, by its address.
    const official = rows.value.find(({ address }) => address !== null && address === wanted);
    if (official !== undefined) {
      openRow.value = official.hostId;
      go('/servers');
      return;
    }
    error.value = wanted === '' ? t('home.join.empty') : await joinTarget(wanted);
  };
  const paste = async (): Promise<void> => {
    try {
      target.value = (await navigator.clipboard.readText()).trim().slice(0, TARGET_CHARACTERS_MAX);
    } catch {
      error.value = t('home.join.noPaste');
      return;
    }
    await join(target.value);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void join(target.value);
  };
  return (
    <form class="card choice" onSubmit={submit}>
      <h2>
        <Icon of={DoorOpen} /> {t('home.join')}
      </h2>
      <p class="dim" id="join-hint">
        {offered.value === '' ? t('home.join.about') : t('home.join.offered')}
      </p>
      <label class="hidden" for="join-target">
        {t('home.join.label')}
      </label>
      <input
        id="join-target"
        class={streamer.value ? 'secret' : ''}
        value={target.value}
        placeholder={t('servers.joinByHint')}
        maxLength={TARGET_CHARACTERS_MAX}
        autocomplete="off"
        spellcheck={false}
        aria-describedby="join-hint"
        onInput={(event) => {
          target.value = event.currentTarget.value;
          error.value = null;
        }}
      />
      <p class="actions">
        <button type="submit" class="big">
          {t('home.join.go')}
        </button>
        <button type="button" class="quiet big" id="join-paste" onClick={() => void paste()}>
          <Icon of={ClipboardPaste} /> {t('home.join.paste')}
        </button>
      </p>
      <p class="error" role="alert">
        {error.value}
      </p>
    </form>
  );
}

/** Asked once; afterwards the settings have it. */
function LinksQuestion() {
  const { opensLinks } = local.value ?? {};
  if (opensLinks !== false || settings.value?.linksAsked !== false) return null;
  return (
    <section class="notice info row-line" id="links-question">
      <span>{t('home.links')}</span>
      <button type="button" class="quiet small" onClick={() => void command({ do: 'links', on: true })}>
        {t('home.links.yes')}
      </button>
      <button type="button" class="ghost small" onClick={() => void saveSettings({ linksAsked: true })}>
        {t('home.links.no')}
      </button>
    </section>
  );
}

function HostChoice() {
  const hosting = local.value?.hosting ?? null;
  const open = hosting !== null && hosting.state !== 'failed';
  const take = (id: string): void => {
    void saveSettings({ hostGame: id, hostPortCustom: false });
    go('/host');
  };
  return (
    <section class="card choice" aria-labelledby="home-host">
      <h2 id="home-host">
        <Icon of={Castle} /> {open ? t('host.open', { name: hosting.name }) : t('home.host')}
      </h2>
      <p class="dim">{open ? t('home.host.open') : t('home.host.about')}</p>
      {open ? <p class="big-code">{shownCode(hosting.code)}</p> : <FeaturedGames onTake={take} />}
      <p class="actions">
        <a class="button big" href="/host" id="home-host-go" onClick={followInPage}>
          {open ? t('home.host.show') : t('home.host.go')}
        </a>
      </p>
    </section>
  );
}

function Recent() {
  const recent = settings.value?.recent ?? [];
  if (recent.length === 0) return null;
  return (
    <Card title={t('home.recent')} id="recent">
      <ul class="plain chips">
        {recent.slice(0, 6).map((entry) => (
          <JoinChip
            key={entry.code}
            icon="recent"
            name={entry.name}
            code={entry.code}
            target={entry.link ?? entry.code}
          />
        ))}
      </ul>
    </Card>
  );
}

function Near() {
  const near: LocalState['lan'] = local.value?.lan ?? [];
  if (near.length === 0) return null;
  return (
    <Card title={t('home.near')}>
      <ul class="plain chips">
        {near.map(({ code, name }) => (
          <JoinChip key={code} icon="near" name={name} code={code} target={code} />
        ))}
      </ul>
    </Card>
  );
}

function JoinChip(props: {
  readonly icon: 'recent' | 'near';
  readonly name: string;
  readonly code: string;
  readonly target: string;
}) {
  const error = useSignal<string | null>(null);
  const join = async (): Promise<void> => {
    error.value = await joinTarget(props.target);
  };
  return (
    <li>
      <button type="button" class="quiet" onClick={() => void join()}>
        <Icon of={props.icon === 'near' ? Wifi : History} /> {props.name === '' ? shownCode(props.code) : props.name}
      </button>
      <span class="error" role="alert">
        {error.value}
      </span>
    </li>
  );
}
