import { useSignal } from '@preact/signals';
import { Compass, Laptop, Server, Terminal } from 'lucide';
import { Card } from '../kit/card.tsx';
import { Icon } from '../kit/icon.tsx';
import { Tabs } from '../kit/tabs.tsx';
import { answerText, command, local, saveSettings, settings } from '../local.ts';
import { t } from '../messages/index.ts';
import { CopyButton } from './copy-button.tsx';

const COMMANDS = [
  ['vps', 'sallyport master --listen 198.51.100.7'],
  ['service', 'sallyport master --install-service --listen 198.51.100.7'],
  ['docker', 'docker run --network host -v sallyport:/var/lib/sallyport sallyport-master --listen 198.51.100.7'],
] as const;

/** Hosting needs a masterserver, which introduces friends to each other. The ways to one, the nearest first. */
export function MasterChoice() {
  return (
    <section class="stack" aria-labelledby="master-title" id="master-choice">
      <h1 id="master-title">{t('master.title')}</h1>
      <p class="dim">{t('master.about')}</p>
      <UsedBefore />
      <div class="columns even">
        <Typed />
        <ThisComputer />
      </div>
      <GetOne />
    </section>
  );
}

function hostOf(link: string): string {
  return /^\w+:\/\/([^/#?]+)/.exec(link)?.[1] ?? '';
}

function UsedBefore() {
  const error = useSignal<string | null>(null);
  const seen = new Set<string>();
  const invitations = (settings.value?.recent ?? []).flatMap(({ name, link }) => {
    if (link === undefined || seen.has(hostOf(link))) return [];
    seen.add(hostOf(link));
    return [{ name, link }];
  });
  if (invitations.length === 0) return null;
  const take = async (link: string): Promise<void> => {
    const answer = await saveSettings({ master: link });
    error.value = answer.ok ? null : answerText(answer);
  };
  return (
    <Card title={t('master.before')} aside={<Icon of={Compass} />}>
      <p class="dim">{t('master.beforeAbout')}</p>
      <ul class="plain chips">
        {invitations.map(({ name, link }) => (
          <li key={link}>
            <button type="button" class="master-before" onClick={() => void take(link)}>
              {t('master.beforeTake', { master: hostOf(link), name })}
            </button>
          </li>
        ))}
      </ul>
      <p class="error" role="alert">
        {error.value}
      </p>
    </Card>
  );
}

function Typed() {
  const typed = useSignal('');
  const error = useSignal<string | null>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const answer = await saveSettings({ master: typed.value.trim() });
    error.value = answer.ok ? null : answerText(answer);
  };
  return (
    <Card title={t('master.typed')} aside={<Icon of={Server} />}>
      <form class="form" onSubmit={submit}>
        <label>
          {t('master.typedLabel')}
          <input
            id="master-link"
            required
            autocomplete="off"
            spellcheck={false}
            placeholder={t('master.typedHint')}
            value={typed.value}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit">{t('master.typedTake')}</button>
        <p class="error" role="alert">
          {error.value}
        </p>
      </form>
    </Card>
  );
}

/** This computer itself, where its network lets strangers in. */
function ThisComputer() {
  const own = local.value?.ownMaster ?? null;
  if (own === null) return null;
  const busy = own.state === 'starting';
  return (
    <Card title={t('master.own')} aside={<Icon of={Laptop} />} id="master-own">
      <p class="dim">{t('master.ownAbout')}</p>
      {own.because === null ? null : (
        <p class="notice" role="status">
          {t(`master.own.${own.because}`)}
        </p>
      )}
      <p class="actions">
        <button
          type="button"
          id="master-own-start"
          disabled={busy}
          onClick={() => void command({ do: 'own-master', on: true })}
        >
          {t(busy ? 'master.ownStarting' : own.state === 'impossible' ? 'connect.again' : 'master.ownStart')}
        </button>
      </p>
    </Card>
  );
}

/** The last way: one of one's own, on any computer that the internet reaches. */
function GetOne() {
  return (
    <Card title={t('master.get')} aside={<Icon of={Terminal} />}>
      <p class="dim">{t('master.getAbout')}</p>
      <div id="master-get">
        <Tabs
          label={t('master.get')}
          tabs={COMMANDS.map(([id, line]) => ({
            id,
            title: t(`master.get.${id}`),
            content: () => (
              <div class="row-line command">
                <pre tabindex={0}>{line}</pre>
                <CopyButton text={() => line} class="quiet small" />
              </div>
            ),
          }))}
        />
      </div>
      <p class="dim">{t('master.getThen')}</p>
    </Card>
  );
}
