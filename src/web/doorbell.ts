/** Whoever hosts mostly looks at the game: somebody at the door is told of by the tab's title, a knock, and where it is wished by the system. */
import { effect, signal } from '@preact/signals';
import { asksToCome } from '../app/local-api.ts';
import { local } from './local.ts';
import { t } from './messages/index.ts';

const SOUND_KEY = 'sallyport-sound';
/** Two soft knocks: when each begins, in seconds, and how high it is, in hertz. */
const KNOCKS = [
  [0, 330],
  [0.16, 392],
] as const;
const KNOCK_SECONDS = 0.14;
const VOLUME = 0.2;

export const sound = signal(localStorage.getItem(SOUND_KEY) !== 'off');
export const notices = signal<NotificationPermission | 'none'>(
  'Notification' in globalThis ? Notification.permission : 'none',
);

export function setSound(on: boolean): void {
  sound.value = on;
  localStorage.setItem(SOUND_KEY, on ? 'on' : 'off');
  if (on) knock();
}

export async function askForNotices(): Promise<void> {
  notices.value = await Notification.requestPermission();
}

export function startDoorbell(): void {
  let told = '';
  effect(() => {
    const asking = local.value?.hosting?.friends.filter(asksToCome) ?? [];
    const first = asking.find(({ state }) => state === 'asking');
    const question = first === undefined ? '' : t('host.question', { name: first.name });
    document.title = `${asking.length > 0 ? `(${asking.length}) ` : ''}${question === '' ? '' : `${question} · `}${t('app.name')}`;
    const now = first === undefined ? '' : first.friend + first.instance;
    if (now !== '' && now !== told) ring(question);
    told = now;
  });
}

function ring(question: string): void {
  if (sound.peek()) knock();
  if (notices.peek() === 'granted' && document.hidden)
    new Notification(t('app.name'), { body: question, icon: '/icon.svg' });
}

function knock(): void {
  // Silent until the page has been clicked once, as browsers want it.
  const context = new AudioContext();
  for (const [at, pitch] of KNOCKS) {
    const begin = context.currentTime + at;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(VOLUME, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + KNOCK_SECONDS);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + KNOCK_SECONDS);
    tone.onended = () => {
      if (at === KNOCKS.at(-1)?.[0]) void context.close();
    };
  }
}
