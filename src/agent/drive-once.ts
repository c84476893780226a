/** A machine that is there for one answer: started, and gone when it has told. */
import type { Machine } from '../core/index.ts';
import { drive, SallyportError } from '../node/index.ts';

type Means = Pick<Parameters<typeof drive>[1], 'openSocket' | 'openTunnel'> & { readonly signal?: AbortSignal };

/** What the machine tells first. Rejects with its fault, and with ABORTED when the signal comes before. */
export function driveOnce<Event>(machine: Machine<{ readonly do: 'start' }, Event>, means: Means): Promise<Event> {
  const { signal, ...open } = means;
  return new Promise((resolve, reject) => {
    const driver = drive(machine, {
      ...open,
      onEvent(event) {
        // After the turn: the sockets are closed by what the machine says last.
        queueMicrotask(() => driver.dispose());
        resolve(event);
      },
      onFault: reject,
    });
    signal?.addEventListener('abort', () => {
      driver.dispose();
      reject(new SallyportError('ABORTED'));
    });
    driver.command({ do: 'start' });
  });
}
