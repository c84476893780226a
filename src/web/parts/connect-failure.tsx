import { useSignal } from '@preact/signals';
import type { IconNode } from 'lucide';
import { Keyboard, RotateCw, Router, Settings2 } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LocalJoin } from '../../app/local-api.ts';
import { Icon } from '../kit/icon.tsx';
import { command, joinTarget } from '../local.ts';
import { type MessageKey, t } from '../messages/index.ts';
import { followInPage } from '../router.ts';

type Failure = NonNullable<LocalJoin['failure']>;
interface Way {
  readonly path: string;
  readonly text: MessageKey;
  readonly icon: IconNode;
}

const NETWORK: Way = { path: '/network', text: 'connect.help.network', icon: Router };
const SETTINGS: Way = { path: '/settings', text: 'connect.help.settings', icon: Settings2 };
const OTHER_CODE: Way = { path: '/', text: 'connect.help.otherCode', icon: Keyboard };
/** Where what helps is, besides trying again. */
const WAYS: { readonly [Code in Failure]?: readonly Way[] } = {
  CODE_UNKNOWN: [OTHER_CODE],
  CODE_MALFORMED: [OTHER_CODE],
  UDP_BLOCKED: [NETWORK],
  GAVE_UP: [NETWORK, SETTINGS],
  NO_DIRECT_PATH: [NETWORK, SETTINGS],
  RELAY_MODE: [SETTINGS],
  MASTER_UNREACHABLE: [SETTINGS],
  MASTER_KEY_MISMATCH: [OTHER_CODE],
  LOCAL_PORT_BUSY: [SETTINGS],
};
/** The same again would only say the same again. */
const FINAL: ReadonlySet<Failure> = new Set<Failure>(['BANNED', 'CODE_MALFORMED', 'CODE_MISMATCH', 'VERSION']);

interface Failed {
  readonly join: LocalJoin;
  /** What is always there to press, beside what helps. */
  readonly children: ComponentChildren;
}

/** What helps against what has gone wrong, as things to press. */
export function ConnectFailure(props: Failed) {
  const { join } = props;
  if (join.failure === 'PASSWORD') return <PasswordForm {...props} />;
  if (join.failure === 'HOST_KEY_CHANGED') return <NewKey {...props} />;
  return <Help {...props} />;
}

/** The same join again. The one that failed has told all it can, so it goes. */
function useAgain(join: LocalJoin): {
  readonly error: string | null;
  readonly again: (password?: string, newKey?: boolean) => Promise<void>;
} {
  const error = useSignal<string | null>(null);
  const again = async (password = '', newKey = join.newKey): Promise<void> => {
    error.value = await joinTarget(join.target, password, newKey);
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
    <form class="card bar" onSubmit={submit}>
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
        {t('connect.again')}
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
