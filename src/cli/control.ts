/** Opens a running command to others on this computer: the local interface `/v1` and the file by which `sallyport ctl` finds it. */
import { readFileSync } from 'node:fs';
import { Engine, type EngineOptions, serveLocal, writeTokenFile } from '../app/index.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

export interface LocalControl {
  readonly engine: Engine;
  readonly link: string;
  close(): Promise<void>;
}

export interface ControlOptions {
  readonly does: EngineOptions['does'];
  readonly stateDir: string;
  readonly invocation: Invocation;
  readonly clipboard?: boolean;
  /** Also the page, on this port. */
  readonly page?: { readonly port: number };
}

/** Rejects with the system's error where the port of the page is taken. */
export async function openControl({ does, stateDir, invocation, clipboard = false, page }: ControlOptions) {
  const { env, stop, terminal } = invocation;
  const engine = new Engine({ does, version: versionOf(), env, clipboard, onQuit: stop });
  const server = await serveLocal(engine, page === undefined ? {} : { port: page.port, page: true });
  const { url, token } = server;
  let forget = (): void => {};
  try {
    const name = does.program === 'app' ? '' : does.name;
    const { pid } = process;
    forget = writeTokenFile(stateDir, { v: 1, url, token, pid, program: does.program, name, startedAt: Date.now() });
  } catch (error) {
    // A disk that takes no file keeps nobody from playing.
    const problem = t('"sallyport ctl" will not find this program: {why}', { why: (error as Error).message });
    terminal.event('notice', { kind: 'state-problem', problem });
    terminal.fact('warn', 'State', problem);
  }
  return {
    engine,
    link: `${url}/#t=${token}`,
    async close(): Promise<void> {
      forget();
      await server.close();
      await engine.close();
    },
  } satisfies LocalControl;
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
