import { Activity } from 'lucide';
import type { LocalJoin } from '../../app/local-api.ts';
import { adviceText, notDirectText, pairText, wayText } from '../join-words.ts';
import { Badge } from '../kit/badge.tsx';
import { Icon } from '../kit/icon.tsx';
import { t } from '../messages/index.ts';
import { CopyButton } from './copy-button.tsx';
import { Ways } from './ways.tsx';
import { Words } from './words.tsx';

/** What one has come for: the address to type into the game. It stands first. */
export function ConnectAddress(props: { readonly join: LocalJoin; readonly path: NonNullable<LocalJoin['path']> }) {
  const { join, path } = props;
  return (
    <section class="card ticket" aria-label={t('connect.address')}>
      <div class="address">
        <span class="big-code" id="connect-address">
          {join.local}
        </span>{' '}
        <CopyButton text={() => join.local} id="copy-address" class="big" />
      </div>
      {join.services.length < 2 ? null : (
        <ul class="plain services" id="connect-services">
          {join.services.map(({ port, protocols, local: at }) => (
            <li key={port}>
              <code>{at}</code> {protocols}{' '}
              <CopyButton text={() => at} id={`copy-address-${port}`} class="quiet small" />
            </li>
          ))}
        </ul>
      )}
      <p class="row-line">
        <Badge tone={path.kind === 'relay' ? 'fair' : 'good'} id="connect-way">
          <Icon of={Activity} /> {wayText(path.kind, path.via)} · {t('connect.rtt', { ms: Math.round(path.rttMs) })}
        </Badge>
      </p>
      <Notices join={join} />
      <Ways of={(one) => one.join === join.id} />
      <Words words={path.words} />
    </section>
  );
}

function Notices(props: { readonly join: LocalJoin }) {
  const { join } = props;
  const quiet = join.phase === 'connected' ? join.gamesQuiet[0] : undefined;
  return (
    <>
      {quiet === undefined ? null : (
        <p class="notice" role="status" id="connect-game-quiet">
          {t(`connect.game.${quiet.state}`)}
        </p>
      )}
      {join.portTaken === null ? null : (
        <p class="notice info" id="connect-port-taken">
          {t('connect.portTaken', { port: join.portTaken })}
        </p>
      )}
      {join.seatsFull ? (
        <p class="notice" role="status" id="connect-seats-full">
          {t('connect.seatsFull')}
        </p>
      ) : null}
      {join.notDirect === null ? null : (
        <p class="notice info" role="status" id="connect-not-direct">
          {notDirectText(join.notDirect)}{' '}
          {join.hard === null || join.notDirect.because === 'vpn'
            ? ''
            : `${pairText(join.hard.pair)} ${t('help.title')} ${adviceText(join.hard.advice)}`}{' '}
          {t('direct.sees')}
        </p>
      )}
    </>
  );
}
