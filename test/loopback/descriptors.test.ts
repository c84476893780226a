/** A host that runs out of descriptors: whoever finds no room is told of, the others play on, and nothing is switched off for good. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../dist/test/loopback/few-descriptors.js', import.meta.url));

interface Outcome {
  readonly refused: number;
  readonly playsOn: string;
  readonly firstSeat: { readonly address: string; readonly port: number };
  readonly seated: string;
  readonly slept: number;
  readonly sameSeat: boolean;
  readonly networksChanged: number;
  readonly notices: readonly { readonly kind: string; readonly why?: string }[];
}

test.concurrent.each([64, 100, 256])(
  'with %s descriptors: who finds no room is told, others play on, and a seat that is left is another’s',
  { timeout: 120_000 },
  async (descriptors) => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, String(descriptors)]);
    const { refused, playsOn, firstSeat, seated, slept, sameSeat, notices, networksChanged } = JSON.parse(
      stdout,
    ) as Outcome;
    expect(refused).toBeGreaterThan(0);
    expect(playsOn).toBe(`${firstSeat.address}:${firstSeat.port} said still here`);
    expect(seated).toMatch(/^127\.77\.\d+\.\d+:\d+ said now$/);
    expect(new Set(notices.map(({ kind, why }) => `${kind} ${why}`))).toEqual(new Set(['seats-full system']));
    // All that had seats, the one that came late for the one that left among them.
    expect(slept).toBe(descriptors - refused);
    expect(sameSeat).toBe(true);
    expect(networksChanged).toBe(0);
  },
);
