/** Opens a running command to others on this computer: the local interface `/v1` and the file by which `sallyport ctl` finds it. */
import { Engine, type EngineOptions, serveLocal, writeTokenFile, writeTokenFileAt } from '../app/index.ts';
import { BUILD, SallyportError, usage } from '../node/index.ts';
import { fileFault } from './file-fault.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

export interface LocalControl {
  readonly engine: Engine;
  readonly link: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

export interface ControlOptions {
  readonly does: EngineOptions['does'];
  /** Null: `ctl` does not find it. */
  readonly stateDir: string | null;
  /** Where else url and token are to be read. */
  readonly tokenFile?: string;
  readonly open?: EngineOptions['open'];
  readonly startMaster?: EngineOptions['startMaster'];
  readonly links?: EngineOptions['links'];
  readonly invocation: Invocation;
  readonly clipboard?: boolean;
  /** Default: any free one. */
  readonly port?: number;
  /** Also the page. */
  readonly page?: boolean;
}

/** Rejects with LOCAL_PORT_BUSY where the port is taken. */
export async function openControl(options: ControlOptions) {
  const { does, stateDir, tokenFile, invocation, clipboard = false, open, port = 0, page = false } = options;
  const { startMaster, links } = options;
  const { env, stop, terminal } = invocation;
  const opener = {
    ...(open === undefined ? {} : { open }),
    ...(startMaster === undefined ? {} : { startMaster }),
    ...(links === undefined ? {} : { links }),
  };
  const engine = new Engine({ does, version: BUILD.version, env, clipboard, onQuit: stop, ...opener });
  const server = await serveLocal(engine, { port, page }).catch((error: NodeJS.ErrnoException) => {
    throw new SallyportError(error.code === 'EADDRINUSE' ? 'LOCAL_PORT_BUSY' : 'INTERNAL', { detail: error.message });
  });
  const { url, token } = server;
  const name = 'settings' in does ? '' : does.name;
  const { pid } = process;
  const file = { v: 1, url, token, pid, program: does.program, name, startedAt: Date.now() } as const;
  const forgetWished = await writeWished(tokenFile, file, server);
  let forget = (): void => {};
  try {
    if (stateDir !== null) forget = writeTokenFile(stateDir, file);
  } catch (error) {
    // A disk that takes no file keeps nobody from playing.
    const problem = t('"sallyport ctl" will not find this program: {why}', { why: (error as Error).message });
    terminal.event('notice', { kind: 'state-problem', problem });
    terminal.fact('warn', 'State', problem);
  }
  return {
    engine,
    link: `${url}/#t=${token}`,
    url,
    token,
    async close(): Promise<void> {
      forgetWished();
      forget();
      await server.close();
      await engine.close();
    },
  } satisfies LocalControl;
}

/** Whoever names a file waits for it: where it can't be written, nothing begins. */
async function writeWished(
  path: string | undefined,
  file: Parameters<typeof writeTokenFileAt>[1],
  server: Awaited<ReturnType<typeof serveLocal>>,
): Promise<() => void> {
  if (path === undefined) return () => {};
  try {
    return writeTokenFileAt(path, file);
  } catch (error) {
    await server.close();
    throw usage(t('--token-file: {why}', { why: fileFault(error, path) }));
  }
}
