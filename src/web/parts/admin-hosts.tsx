import { Castle } from 'lucide';
import { showCode } from '../../core/model/code.ts';
import type { AdminHost, BanInput } from '../../master/api.ts';
import { dateTime } from '../format.ts';
import { gameName } from '../games.ts';
import { Badge } from '../kit/badge.tsx';
import { Card } from '../kit/card.tsx';
import { ConfirmButton } from '../kit/confirm-button.tsx';
import { EmptyState } from '../kit/empty-state.tsx';
import { t } from '../messages/index.ts';
import { VerdictBadge } from './verdict.tsx';

/** Who hosts here now. Taking one off and banning it ask first. */
export function AdminHostTable(props: {
  readonly hosts: readonly AdminHost[];
  readonly ban: (input: BanInput) => Promise<string | null>;
  readonly call: (method: string, path: string) => Promise<Response>;
  readonly onDone: () => Promise<void>;
}) {
  const { hosts, ban, call, onDone } = props;
  const evict = async (hostId: string): Promise<void> => {
    await call('POST', `/hosts/${hostId}/evict`);
    await onDone();
  };
  const banHost = (hostId: string): void =>
    void ban({ kind: 'key', pattern: hostId, scope: 'ban', reason: '', expiresAt: null });
  if (hosts.length === 0)
    return (
      <Card title={t('admin.hosts')}>
        <EmptyState icon={Castle} title={t('admin.noHosts')} />
      </Card>
    );
  return (
    <Card title={t('admin.hosts')}>
      <section class="scroll" tabindex={0} aria-label={t('admin.hosts')}>
        <table id="admin-host-list" class="cards">
          <thead>
            <tr>
              {(['name', 'players', 'network', 'since', 'code', 'act'] as const).map((id) => (
                <th scope="col" key={id}>
                  {t(`admin.host.${id}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {hosts.map((host) => (
              <tr key={host.hostId}>
                <th scope="row">
                  {host.name}{' '}
                  {host.listed ? null : <Badge>{t(host.hidden ? 'admin.host.hidden' : 'admin.host.private')}</Badge>}
                  <br />
                  <span class="dim">
                    {gameName(host.game)}{' '}
                    <code class="whole" title={host.hostId}>
                      {host.hostId.slice(0, 8)}
                    </code>
                  </span>
                </th>
                <td class="num">
                  {host.players}
                  {host.playersMax > 0 ? `/${host.playersMax}` : ''}
                </td>
                <td>
                  <VerdictBadge verdict={host.verdict} />
                </td>
                <td class="num">
                  <time>{dateTime(host.firstSeenAt)}</time>
                </td>
                <td>
                  <code class="whole">{showCode(host.code)}</code>
                </td>
                <td>
                  <span class="actions">
                    <ConfirmButton
                      label={t('admin.evict')}
                      question={t('admin.evict.ask', { name: host.name })}
                      class="quiet small"
                      onConfirm={() => void evict(host.hostId)}
                    >
                      {t('admin.evict.about')}
                    </ConfirmButton>
                    <ConfirmButton
                      label={t('admin.banHost')}
                      question={t('admin.banHost.ask', { name: host.name })}
                      class="danger small"
                      onConfirm={() => banHost(host.hostId)}
                    >
                      {t('admin.banHost.about')}
                    </ConfirmButton>
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  );
}
