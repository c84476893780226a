/** What an engine (`engine.ts`) is given: what it is to do, and what only the command can start for it. */
import type { Agent, AgentOptions } from '../agent/index.ts';
import type { StartOwnMaster } from './own-master.ts';
import type { SchemeHandler } from './scheme.ts';
import type { SettingsFile } from './settings.ts';

export interface EngineOptions {
  /**
   * Of the app and a sidecar: what has been set, and where things are kept (null: nowhere). Of a command: the agent it works with, and its
   * master's link.
   */
  readonly does:
    | {
        readonly program: 'app' | 'sidecar';
        readonly settings: SettingsFile;
        readonly stateDir: string | null;
        readonly keyFile: string | null;
      }
    | { readonly program: 'host' | 'join'; readonly agent: Agent; readonly master: string; readonly name: string };
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clipboard: boolean;
  /** Who opens agents; left out: `openAgent`, on the sockets of this computer. */
  readonly open?: (options: AgentOptions) => Promise<Agent>;
  /** What starts a masterserver in this program; left out: it can't have one. */
  readonly startMaster?: StartOwnMaster;
  /** Who sees to it that links open this program; left out: nobody. */
  readonly links?: SchemeHandler;
  /** Somebody asked the whole program to end. */
  readonly onQuit: () => void;
}
