/** The page's side of `sallyport ui`: the last state document, and commands. `null` on a masterserver's page. */
import { computed, effect, signal } from '@preact/signals';
import {
  commandPath,
  LOCAL_API,
  type LocalAnswer,
  type LocalChange,
  type LocalCommand,
  type LocalSettings,
  type LocalState,
  type SettingsChange,
} from '../app/local-api.ts';
import { showCode } from '../core/model/code.ts';
import { openStream } from './events.ts';
import { isLanguage, language, t, tMaybe } from './messages/index.ts';
import { go } from './router.ts';

const TOKEN_KEY = 'sallyport-token';
/** Longer than the first rest before the stream is asked for again (`events.ts`). */
const GONE_AFTER_MS = 1_200;
let goneTimer: ReturnType<typeof setTimeout> | undefined;

/** The token comes in the fragment of the link (never sent to a server), or is the one that was right in this tab or this browser before. */
function readTokens(): readonly string[] {
  const [, inLink, invited] = /^#t=([\w-]+)(?:&join=([^&]*))?$/.exec(location.hash) ?? [];
  if (invited !== undefined) offered.value = decodeURIComponent(invited);
  if (inLink !== undefined) history.replaceState(null, '', location.pathname);
  const known = [inLink, sessionStorage.getItem(TOKEN_KEY), localStorage.getItem(TOKEN_KEY)];
  return [...new Set(known)].filter((one) => one !== undefined && one !== null);
}

/** Only one that has been right is kept for this tab and for reloads: any page of the web can open this one with another in its link. */
function keepToken(right: string): void {
  sessionStorage.setItem(TOKEN_KEY, right);
  localStorage.setItem(TOKEN_KEY, right);
}

/** An invitation that was clicked somewhere: shown, and joined only when the person says so. */
export const offered = signal('');
const token = signal<string | null>(null);
export const local = signal<LocalState | null>(null);
export const connected = signal(true);
/** The program is there, but this page does not have its token: a typed address, a bookmark, another browser. */
export const locked = signal(false);
/** The program has been ended from this very page. */
export const quitHere = signal(false);
/** Is this page served by `sallyport ui`, not by a masterserver? */
export const isLocal = signal(false);
/** Changes of settings on their way to the program, oldest first. */
const changing = signal<readonly SettingsChange[]>([]);
/** The settings as the person has left them: those of the state document, and over them what it does not show yet. */
export const settings = computed<LocalSettings | null>(() => {
  const kept = local.value?.settings ?? null;
  return kept === null || changing.value.length === 0 ? kept : Object.assign({}, kept, ...changing.value);
});
export const streamer = computed(() => settings.value?.streamerMode ?? false);

/** A code as the page shows it: hidden in streamer mode. */
export function shownCode(code: string): string {
  return streamer.value ? '•••••-•••••' : showCode(code);
}

function headers(): Record<string, string> {
  return { authorization: `Bearer ${token.value ?? ''}` };
}

export function startLocal(): void {
  let [first = null, ...others] = readTokens();
  token.value = first;
  // The whole link typed over an open page changes only the fragment: start again with its token.
  addEventListener('hashchange', () => location.reload());
  isLocal.value = true;
  openStream(
    LOCAL_API.events,
    headers,
    (name, data) => {
      // The first event of a connection is the whole document, so nothing of an older one is left.
      if (name === 'change') local.value = { ...local.value, ...(JSON.parse(data) as LocalChange) } as LocalState;
    },
    (up, refused) => {
      clearTimeout(goneTimer);
      if (up && token.value !== null) keepToken(token.value);
      if (refused && others.length > 0) {
        [first = null, ...others] = others;
        token.value = first;
        return;
      }
      locked.value = refused;
      if (up) quitHere.value = false;
      // A stream that is cut and comes back at once is no program that has ended.
      if (up || refused) connected.value = up;
      else goneTimer = setTimeout(() => (connected.value = false), GONE_AFTER_MS);
    },
  );
  effect(() => {
    const wanted = settings.value?.language;
    if (isLanguage(wanted)) language.value = wanted;
  });
}

/** Resolves when the page shows what the command did, so that nothing on it snaps back for a moment. */
export async function command(body: LocalCommand): Promise<LocalAnswer> {
  const answer = await send(body);
  if (answer.ok) await shown(answer.n);
  return answer;
}

/** The document numbered `n` or a later one is here; without a stream there is nothing to wait for. */
function shown(n: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (connected.value && (local.value?.n ?? 0) < n) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

/** The change holds on the page at once, until the document shows it; it is taken back where it is refused. */
export async function saveSettings(change: SettingsChange): Promise<LocalAnswer> {
  changing.value = [...changing.value, change];
  const answer = await command({ do: 'settings', settings: change });
  changing.value = changing.value.filter((other) => other !== change);
  return answer;
}

async function send(body: LocalCommand): Promise<LocalAnswer> {
  try {
    const { do: name, ...fields } = body;
    const response = await fetch(commandPath(name), {
      method: 'POST',
      // What was set just before the page is closed or loaded again is saved all the same.
      keepalive: true,
      headers: { 'content-type': 'application/json', ...headers() },
      body: JSON.stringify(fields),
    });
    return (await response.json()) as LocalAnswer;
  } catch {
    const what = t('problem.OFFLINE');
    return { ok: false, error: { code: 'OFFLINE', what, why: '', next: '', hint: '', retryable: true, field: null } };
  }
}

/** Why a command was not carried out. */
export function answerText({ error }: Extract<LocalAnswer, { readonly ok: false }>): string {
  return tMaybe(`failure.${error.code}`, tMaybe(`problem.${error.code}`, error.what));
}

/** As long as what `join` takes (`pastedCharactersMax` of src/core/limits.ts): a message of a chat with a link in it. */
export const TARGET_CHARACTERS_MAX = 4_096;
/** The joins of this page that were begun with a password: where one of them is asked for one, it was not the right one. */
export const gavePassword = signal<ReadonlySet<number>>(new Set());

/** Starts a join and shows it; why not, where it could not even begin. */
export async function joinTarget(target: string, password = '', newKey = false): Promise<string | null> {
  const localPort = settings.value?.localPort ?? 0;
  const answer = await command({ do: 'join', target, password, localPort, newKey });
  if (!answer.ok && answer.error.code === 'MASTER_UNREACHABLE' && local.peek()?.master.state === 'none')
    return t('home.join.needLink');
  if (!answer.ok) return answerText(answer);
  if (answer.join !== undefined) {
    if (password !== '') gavePassword.value = new Set([...gavePassword.value, answer.join]);
    go(`/joins/${answer.join}`);
  }
  return null;
}
