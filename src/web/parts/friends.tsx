import { useSignal } from '@preact/signals';
import { Ban, DoorOpen, UserX } from 'lucide';
import { useEffect } from 'preact/hooks';
import { type FriendView, isInside } from '../../app/local-api.ts';
import { figures, figuresKey } from '../figures.ts';
import { percent, timeOfDay } from '../format.ts';
import { wayText } from '../join-words.ts';
import { Badge, type Tone } from '../kit/badge.tsx';
import { ConfirmButton } from '../kit/confirm-button.tsx';
import { Icon } from '../kit/icon.tsx';
import { Sparkline } from '../kit/sparkline.tsx';
import { command } from '../local.ts';
import { t } from '../messages/index.ts';
import { Ways } from './ways.tsx';
import { Words } from './words.tsx';

const QUESTION_READ_MS = 700;
const TONES: Readonly<Record<FriendView['state'], Tone | null>> = {
  ...{ asking: 'fair', waiting: 'fair', knocking: 'info', queued: 'info' },
  ...{ connected: 'good', left: null, refused: null },
};
/** The least heights of the curves: below them nobody notices anything. */
const RTT_SCALE_MS = 60;
const LOSS_SCALE = 0.05;

/**
 * The one question. The buttons answer for this friend's key, and take no click in the first moment: one that was meant for the
 * question that stood here before would land on them.
 */
export function Question(props: { readonly friend: FriendView }) {
  const { friend, name, fingerprint, knownAs } = props.friend;
  const ready = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      ready.value = true;
    }, QUESTION_READ_MS);
    return () => clearTimeout(timer);
  }, []);
  const answer = (admit: boolean): void => void command({ do: 'admit', friend, admit });
  return (
    <section class="card question" role="alert" id="host-question" data-friend={friend}>
      <h2>
        <Icon of={DoorOpen} /> {t('host.question', { name })}
      </h2>
      <p class="dim">
        {knownAs === null ? t('host.new') : t('host.known', { name: knownAs })} {t('host.key')}{' '}
        <code>{fingerprint}</code>
      </p>
      <p class="actions">
        <button type="button" class="big" disabled={!ready.value} onClick={() => answer(true)}>
          {t('host.admit')}
        </button>
        <button type="button" class="quiet big" disabled={!ready.value} onClick={() => answer(false)}>
          {t('host.refuse')}
        </button>
      </p>
    </section>
  );
}

export function Friend(props: { readonly friend: FriendView }) {
  const { friend, name, state, kind, via, seat, connectedAt, words } = props.friend;
  const details = [
    seat === null ? '' : t('host.seenAs', { address: seat }),
    connectedAt === null ? '' : t('host.since', { time: timeOfDay(connectedAt) }),
  ].filter((part) => part !== '');
  return (
    <li data-friend={friend} class="friend">
      <div class="row-line">
        <strong>{name}</strong>{' '}
        <Badge {...(TONES[state] === null ? {} : { tone: TONES[state] })}>{t(`host.state.${state}`)}</Badge>{' '}
        {kind === null ? null : <Badge tone={via === null ? 'info' : 'fair'}>{wayText(kind, via)}</Badge>}
      </div>
      {isInside(props.friend) ? <Curves friend={props.friend} /> : null}
      {details.length === 0 ? null : <p class="hint">{details.join(' · ')}</p>}
      {isInside(props.friend) ? <Expel friend={props.friend} /> : null}
      {isInside(props.friend) ? <Ways of={(one) => one.join === null && one.friend === friend} /> : null}
      {words === null ? null : <Words words={words} />}
    </li>
  );
}

function Curves(props: { readonly friend: FriendView }) {
  const { rttMs, loss } = props.friend;
  const before = figures.value.get(figuresKey(props.friend));
  const ping = t('connect.rtt', { ms: Math.round(rttMs ?? 0) });
  const lost = t('host.loss', { percent: percent(loss ?? 0) });
  return (
    <div class="curves">
      <span class="num">{ping}</span>
      <Sparkline values={before?.rttMs ?? []} label={t('host.curve.ping', { now: ping })} atLeast={RTT_SCALE_MS} />
      <span class="num">{lost}</span>
      <Sparkline
        values={before?.loss ?? []}
        label={t('host.curve.loss', { now: lost })}
        atLeast={LOSS_SCALE}
        tone="bad"
      />
    </div>
  );
}

function Expel(props: { readonly friend: FriendView }) {
  const { friend, name } = props.friend;
  const small = 'quiet small';
  return (
    <p class="actions">
      <ConfirmButton
        {...{ icon: UserX, class: small, label: t('host.kick'), question: t('host.kickAsk', { name }) }}
        onConfirm={() => void command({ do: 'kick', friend })}
      >
        {t('host.kickAbout')}
      </ConfirmButton>
      <ConfirmButton
        {...{ icon: Ban, class: small, label: t('host.ban'), question: t('host.banAsk', { name }) }}
        onConfirm={() => void command({ do: 'ban', friend, network: false })}
      >
        {t('host.banAbout')}
      </ConfirmButton>
      <ConfirmButton
        {...{ class: small, label: t('host.banNetwork'), question: t('host.banNetworkAsk', { name }) }}
        onConfirm={() => void command({ do: 'ban', friend, network: true })}
      >
        {t('host.banNetworkHint')}
      </ConfirmButton>
    </p>
  );
}
