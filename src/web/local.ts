/** The page's side of `sallyport ui`: the last state document, and commands. `null` on a masterserver's page. */
import { computed, signal } from '@preact/signals';
import { LOCAL_API, type LocalAnswer, type LocalCommand, type LocalState } from '../agent/local-api.ts';
import { openStream } from './events.ts';
import { showCode } from './format.ts';
import { isLanguage, language, t } from './messages/index.ts';
import { go } from './router.ts';

const TOKEN_KEY = 'sallyport-token';

/** The token comes in the fragment of the link (never sent to a server) and is kept for this tab and for reloads. */
function readToken(): string | null {
  const inLink = /^#t=([\w-]+)$/.exec(location.hash)?.[1];
  if (inLink !== undefined) {
    sessionStorage.setItem(TOKEN_KEY, inLink);
    localStorage.setItem(TOKEN_KEY, inLink);
    history.replaceState(null, '', location.pathname);
    return inLink;
  }
  return sessionStorage.getItem(TOKEN_KEY) ?? localStorage.getItem(TOKEN_KEY);
}

const token = signal<string | null>(null);
export const local = signal<LocalState | null>(null);
export const connected = signal(true);
/** Is this page served by `sallyport ui`, not by a masterserver? */
export const isLocal = signal(false);
export const streamer = computed(() => local.value?.settings.streamerMode ?? false);

/** A code as the page shows it: hidden in streamer mode. */
export function shownCode(code: string): string {
  return streamer.value ? '••••-••••' : showCode(code);
}

function headers(): Record<string, string> {
  return { authorization: `Bearer ${token.value ?? ''}` };
}

export function startLocal(): void {
  token.value = readToken();
  // The whole link typed over an open page changes only the fragment: start again with its token.
  addEventListener('hashchange', () => location.reload());
  isLocal.value = true;
  openStream(
    LOCAL_API.events,
    headers(),
    (name, data) => {
      if (name !== 'state') return;
      const state = JSON.parse(data) as LocalState;
      local.value = state;
      if (isLanguage(state.settings.language)) language.value = state.settings.language;
    },
    (up) => {
      connected.value = up;
    },
  );
}

export async function command(body: LocalCommand): Promise<LocalAnswer> {
  try {
    const response = await fetch(LOCAL_API.command, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers() },
      body: JSON.stringify(body),
    });
    return (await response.json()) as LocalAnswer;
  } catch {
    return { ok: false, failure: null, field: null, text: t('common.offlinePage') };
  }
}

/** Why a command was not carried out, in the language of the page where the failure has a code. */
export function answerText(answer: Extract<LocalAnswer, { readonly ok: false }>): string {
  return answer.failure === null ? answer.text : t(`failure.${answer.failure}`);
}

/** Starts a join and shows it; why not, where it could not even begin. */
export async function joinTarget(target: string, password = ''): Promise<string | null> {
  const localPort = local.value?.settings.localPort ?? 0;
  const answer = await command({ do: 'join', target, password, localPort });
  if (!answer.ok) return answerText(answer);
  if (answer.join !== undefined) go(`/joins/${answer.join}`);
  return null;
}
