import { signal } from '@preact/signals';

interface Toast {
  readonly n: number;
  readonly text: string;
}

/** More than these at once nobody reads. */
const TOASTS_MAX = 3;
const SHOWN_MS = 4_000;
const toasts = signal<readonly Toast[]>([]);
let told = 0;

/** Says for a moment what has just been done; what has to be read stands on the screen itself. */
export function toast(text: string): void {
  told += 1;
  const entry = { n: told, text };
  toasts.value = [...toasts.value, entry].slice(-TOASTS_MAX);
  setTimeout(() => {
    toasts.value = toasts.value.filter((other) => other !== entry);
  }, SHOWN_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map(({ n, text }) => (
        <div class="toast" key={n}>
          {text}
        </div>
      ))}
    </div>
  );
}
