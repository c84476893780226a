import { useSignal } from '@preact/signals';
import type { IconNode } from 'lucide';
import { Keyboard, RotateCw, Router, Settings2 } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { showCode } from '../../core/model/code.ts';
import { Icon } from '../kit/icon.tsx';
import { command, joinTarget, streamer, TARGET_CHARACTERS_MAX } from '../local.ts';
import { type MessageKey, t } from '../messages/index.ts';
import { followInPage } from '../router.ts';
import { Gates } from './gates.tsx';

type Failure = NonNullable<LocalJoin['failure']>;
interface Way {
  readonly path: string;
  readonly text: MessageKey;
  readonly icon: IconNode;
}

const NETWORK: Way = { path: '/network', text: 'connect.help.network', icon: Router };
const SETTINGS: Way = { path: '/settings', text: 'connect.help.settings', icon: Settings2 };
const OTHER_CODE: Way = { path: '/', text: 'connect.help.otherCode', icon: Keyboard };
/** What was typed is what is wrong: it is corrected right there. */
const TYPED: ReadonlySet<Failure | null> = new Set<Failure | null>(['CODE_UNKNOWN', 'CODE_MALFORMED']);
/** Where what helps is, besides trying again. */
const WAYS: { readonly [Code in Failure]?: readonly Way[] } = {
  UDP_BLOCKED: [NETWORK],
  GAVE_UP: [NETWORK, SETTINGS],
  NO_DIRECT_PATH: [NETWORK, SETTINGS],
  RELAY_MODE: [SETTINGS],
  MASTER_UNREACHABLE: [SETTINGS],
  MASTER_KEY_MISMATCH: [OTHER_CODE],
  LOCAL_PORT_BUSY: [SETTINGS],
};
/** The same again would only say the same again. */
const FINAL: ReadonlySet<Failure> = new Set<Failure>(['BANNED', 'CODE_MISMATCH', 'VERSION']);

interface Failed {
  readonly join: LocalJoin;
  /** What is always there to press, beside what helps. */
  readonly children: ComponentChildren;
}

/** What helps against what has gone wrong, as things to press. */
export function ConnectFailure(props: Failed) {
  const { failure, own } = props.join;
  return (
    <div class="card failure">
      <WhatHelps {...props} />
      <Gates
        label={null}
        own={failure === 'UDP_BLOCKED' || own?.type === 'blocked' ? 'shut' : 'ajar'}
        peer="shut"
        up={false}
        knocks={failure === 'PASSWORD'}
      />
    </div>
  );
}

function WhatHelps(props: Failed) {
  const { join } = props;
  if (join.failure === 'PASSWORD') return <PasswordForm {...props} />;
  if (TYPED.has(join.failure)) return <Correct {...props} />;
  if (join.failure === 'HOST_KEY_CHANGED') return <NewKey {...props} />;
  return <Help {...props} />;
}

/** The same join again. The one that failed has told all it can, so it goes. */
function useAgain(join: LocalJoin): {
  readonly error: string | null;
  readonly again: (password?: string, newKey?: boolean, target?: string) => Promise<void>;
} {
  const error = useSignal<string | null>(null);
  const again = async (password = '', newKey = join.newKey, target = join.target): Promise<void> => {
    error.value = await joinTarget(target, password, newKey);
    if (error.value === null) await command({ do: 'forget', join: join.id });
  };
  return { error: error.value, again };
}

function Help(props: Failed) {
  const { failure } = props.join;
  const { error, again } = useAgain(props.join);
  const ways = failure === null ? [] : (WAYS[failure] ?? []);
  return (
    <div class="stack" id="connect-help">
      <p class="actions">
        {failure !== null && FINAL.has(failure) ? null : (
          <button type="button" id="join-retry" onClick={() => void again()}>
            <Icon of={RotateCw} /> {t('connect.again')}
          </button>
        )}
        {ways.map(({ path, text, icon }) => (
          <a key={path} class="button quiet" href={path} onClick={followInPage}>
            <Icon of={icon} /> {t(text)}
          </a>
        ))}
        {props.children}
      </p>
      <p class="error" role="alert">
        {error}
      </p>
    </div>
  );
}

/** The code or the link once more, to be corrected; unchanged it is simply tried again. */
function Correct(props: Failed) {
  const typed = useSignal(showCode(props.join.target));
  const { error, again } = useAgain(props.join);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    void again('', props.join.newKey, typed.value.trim());
  };
  return (
    <form class="stack" id="connect-help" onSubmit={submit}>
      <label class="form">
        {t('home.join.label')}
        <input
          id="join-correct"
          class={streamer.value ? 'secret' : ''}
          required
          maxLength={TARGET_CHARACTERS_MAX}
          autocomplete="off"
          spellcheck={false}
          ref={field}
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
      </label>
      <p class="actions">
        <button type="submit" class="big" id="join-retry">
          {t('home.join.go')}
        </button>
        {props.children}
      </p>
      <p class="error" role="alert">
        {error}
      </p>
    </form>
  );
}

function PasswordForm(props: Failed) {
  const typed = useSignal('');
  const { error, again } = useAgain(props.join);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    void again(typed.value);
  };
  return (
    <form class="bar" onSubmit={submit}>
      <label>
        {t('host.passwordField')}
        <input
          id="join-password"
          type="password"
          autocomplete="off"
          required
          ref={field}
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit" id="join-again">
        {t('home.join.go')}
      </button>
      {props.children}
      <p class="error" role="alert">
        {error}
      </p>
    </form>
  );
}

/** The host has another key: joined only by a person's decision, after asking whoever hosts. */
function NewKey(props: Failed) {
  const { error, again } = useAgain(props.join);
  return (
    <div class="stack">
      <p>{t('connect.newKeyAbout')}</p>
      <p class="actions">
        <button type="button" class="danger" id="join-new-key" onClick={() => void again('', true)}>
          {t('connect.newKey')}
        </button>
        {props.children}
      </p>
      <p class="error" role="alert">
        {error}
      </p>
    </div>
  );
}
