/** The demo without a kernel: the same machines, two port-preserving NATs and a master in the simulated internet. */
import { stageText } from '../src/agent/index.ts';
import type { PeerEvent } from '../src/core/index.ts';
import { nodeCrypto } from '../src/node/index.ts';
import { type PairSide, runPair } from '../src/sim/index.ts';

const NAMES: Readonly<Record<PairSide, string>> = { host: 'Ana ', client: 'Kofi' };

function inWords(event: PeerEvent): string | null {
  switch (event.ev) {
    case 'hosting':
      return `hosts; the join code is ${event.code}`;
    case 'stage':
      return stageText(event);
    case 'attempt':
      return `attempt ${event.n}: ${event.plan.method}, expected success ${event.plan.expected}`;
    case 'path':
      return `path to ${event.remote.address}:${event.remote.port}`;
    default:
      return null;
  }
}

export function simulatedDemo(say: (text: string) => void): void {
  const result = runPair({
    clientClass: 'P3',
    hostClass: 'P3',
    seed: 7,
    crypto: nodeCrypto,
    onEvent(side, event, at) {
      const words = inWords(event);
      if (words !== null) say(`${NAMES[side]} │ ${Math.round(at)} ms  ${words}`);
    },
  });
  if (!result.connected) throw new Error('no path in the simulated internet');
  say(`direct: connected in ${Math.round(result.elapsedMs)} ms with ${result.packets.client} packets (simulated)`);
}
