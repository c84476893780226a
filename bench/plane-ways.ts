/** The ways from a friend's game to a host's that `plane.ts` compares: how each is set up in the lab, and which processes it has there. */
import { compiled, countingGame, type LabHost, type LabProcess, type Scene } from '../lab/index.ts';

export interface Way {
  /** Where the friend's game finds the host's. */
  readonly address: string;
  readonly port: number;
  /** What carries the datagrams at the host's side, and at the friend's. */
  readonly host: readonly LabProcess[];
  readonly friend: readonly LabProcess[];
  /** What else is ended with the friend's side. */
  readonly further?: readonly LabProcess[];
}

export interface WayMaker {
  readonly name: string;
  /** Rejects where it does not work here. */
  start(scene: Scene): Promise<Way>;
}

export const READY_MS = 20_000;
export const GAME_PORT = countingGame.port;

export async function ready(program: LabProcess, line: string | RegExp = 'ready', limitMs = READY_MS): Promise<void> {
  await program.find(({ text }) => (typeof line === 'string' ? text === line : line.test(text)) || null, limitMs);
}

function forwarder(on: LabHost, words: readonly (string | number)[]): LabProcess {
  return on.spawn([process.execPath, compiled('bench/plane-forward.js'), ...words.map(String)]);
}

/** Two forwarders that do nothing: what is left of a tunnel without a tunnel. */
export const raw: WayMaker = {
  name: 'raw UDP',
  async start({ hostSide, clientSide }) {
    const host = forwarder(hostSide, [hostSide.address, 40_001, '127.0.0.1', GAME_PORT]);
    const friend = forwarder(clientSide, ['127.0.0.1', 40_000, hostSide.address, 40_001]);
    await Promise.all([ready(host), ready(friend)]);
    return { address: '127.0.0.1', port: 40_000, host: [host], friend: [friend] };
  },
};

/** The real command at both ends; `relay`: through the master's relay only. */
export function sallyport(relay: 'never' | 'only'): WayMaker {
  return {
    name: relay === 'only' ? 'sallyport, relayed' : 'sallyport',
    async start(scene) {
      if (scene.code === '') await scene.runHost();
      const { command, connected } = await scene.join(READY_MS, { relay });
      const [address = '', port = ''] = connected.local.split(':');
      return { address, port: Number(port), host: [scene.host], friend: [command] };
    },
  };
}
