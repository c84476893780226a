/** Join codes for machines that run by the thousand: the derivation of `core/model/code.ts` would take them a tenth of a second each. */
import { type CryptoSuite, codeFrom, type Machine, utf8Encode } from '../core/index.ts';

/**
 * A code that costs two hashes, for the simulator, the tests and the benchmarks. Anybody can grind a key for one, so never for
 * anything that leaves this computer.
 */
export function weakCodeOf(suite: CryptoSuite, hostKey: Uint8Array): string {
  const bytes = new Uint8Array(64);
  for (const half of [0, 1]) bytes.set(suite.sha256(utf8Encode(`weak code ${half} `), hostKey), 32 * half);
  return codeFrom(bytes);
}

/** Wraps a machine: whenever it asks for a code to be derived, it gets a weak one at once, and its parent never sees the question. */
export function weakCodes<M extends Machine<unknown, unknown>>(
  machine: M,
  suite: CryptoSuite,
  codeOf: (key: Uint8Array) => string | null = (key) => weakCodeOf(suite, key),
): M {
  let now = 0;
  const { handleDatagram, handleSocket, handleTimeout, handleCommand, poll } = machine;
  const clocked =
    <Rest extends readonly unknown[]>(handle: (at: number, ...rest: Rest) => void) =>
    (at: number, ...rest: Rest): void => {
      now = at;
      handle.call(machine, at, ...rest);
    };
  return Object.assign(machine, {
    handleDatagram: clocked(handleDatagram),
    handleSocket: clocked(handleSocket),
    handleTimeout: clocked(handleTimeout),
    handleCommand: clocked(handleCommand),
    poll(): ReturnType<typeof poll> {
      for (;;) {
        const output = poll.call(machine);
        const { ev, key } = (output.kind === 'event' ? output.event : {}) as { ev?: string; key?: Uint8Array };
        if (ev !== 'derive' || key === undefined) return output;
        handleCommand.call(machine, now, { do: 'derived', key, code: codeOf(key) });
      }
    },
  });
}
