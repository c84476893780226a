import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { showCode } from '../../core/model/code.ts';
import type { MasterInfo, Server } from '../../master/api.ts';
import { t } from '../messages/index.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { Qr } from '../parts/qr.tsx';
import { VerdictBadge } from '../parts/verdict.tsx';

/** What the master tells about one host: the row of the list and the master's own link, for the command to copy. */
interface HostPage {
  readonly server: Server;
  readonly master: string;
}

/** `/j/CODE`: the page a friend gets in a chat. Three ways in: the app, a command, and the address where the host is public. */
export function JoinPage(props: { readonly code: string }) {
  const found = useSignal<HostPage | 'unknown' | null>(null);
  useEffect(() => {
    void fetchHost(props.code).then((page) => {
      found.value = page;
    });
  }, [props.code]);
  if (found.value === null) return <p role="status">{t('servers.loading')}</p>;
  if (found.value === 'unknown')
    return (
      <p class="error" role="alert">
        {t('join.unknown')}
      </p>
    );
  const { server, master } = found.value;
  return (
    <section class="join-page" aria-labelledby="join-title">
      <h1 id="join-title">{t('join.title', { name: server.name })}</h1>
      <p>
        {server.game} · {t('join.players', { players: server.players, max: server.playersMax })} ·{' '}
        <VerdictBadge verdict={server.verdict} />
      </p>
      <p>
        {t('join.code')}:{' '}
        <span class="big-code" id="join-code">
          {showCode(server.code)}
        </span>{' '}
        <CopyButton text={() => showCode(server.code)} />
      </p>
      <h2>{t('join.ways')}</h2>
      <ol class="ways">
        {server.address === null ? null : (
          <li>
            <strong>{t('join.way.address')}</strong>: <code>{server.address}</code>{' '}
            <CopyButton text={() => server.address ?? ''} />
            <br />
            {t('join.way.addressHint')}
          </li>
        )}
        <li>
          <a class="button" href={`sallyport://join/${server.code}${location.hash}`}>
            {t('join.way.app')}
          </a>
          <br />
          {t('join.way.appHint')}
        </li>
        <li>
          {t('join.way.command')}:
          <pre tabindex={0}>
            <code id="join-command">{joinCommand(server.code, master)}</code>
          </pre>
          <CopyButton text={() => joinCommand(server.code, master)} id="copy-command" />
        </li>
      </ol>
      <Qr text={location.href} label={t('join.qr')} />
    </section>
  );
}

function joinCommand(code: string, master: string): string {
  return `npx sallyport join ${code} --master '${master}'`;
}

async function fetchHost(code: string): Promise<HostPage | 'unknown'> {
  try {
    const answers = await Promise.all([fetch(`/api/v1/servers/${encodeURIComponent(code)}`), fetch('/api/v1/master')]);
    if (!answers.every((answer) => answer.ok)) return 'unknown';
    const [server, master] = (await Promise.all(answers.map((answer) => answer.json()))) as [Server, MasterInfo];
    return { server, master: master.link };
  } catch {
    return 'unknown';
  }
}
