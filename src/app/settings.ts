/** What the person has set in the app, kept in one document of the state folder and saved at every change. */
import { join } from 'node:path';
import { linkText } from '../agent/index.ts';
import { LIMITS, parseJoinTarget, parseMasterLink } from '../core/index.ts';
import { type PlayerName, playerName, readDocument, systemName, writeDocument } from '../node/index.ts';
import type { LocalProblem, LocalSettings, RecentJoin, SettingsChange } from './local-api.ts';
import { settingsSchema } from './schema.ts';

const DEFAULTS: LocalSettings = {
  master: '',
  stun: [],
  localPort: 0,
  playersMax: LIMITS.playersMaxDefault,
  language: '',
  streamerMode: false,
  hostName: '',
  hostGame: '',
  hostPortCustom: false,
  hostServices: '30000',
  playerName: '',
  announceOnLan: true,
  relay: 'allow',
  ownMaster: false,
  linksAsked: false,
  favourites: [],
  recent: [],
};

export class SettingsFile {
  #values: LocalSettings;
  readonly #path: string | null;
  /** The command has it, too. */
  readonly #player: PlayerName | null;

  /** `stateDir` null: kept as long as the program runs. */
  constructor(stateDir: string | null, first: Partial<LocalSettings> = {}) {
    this.#path = stateDir === null ? null : join(stateDir, 'app.json');
    this.#player = stateDir === null ? null : playerName(stateDir);
    // A document of another version, or one edited by hand into nonsense, counts as none: settings can be made anew.
    const kept = settingsSchema.safeParse(this.#path === null ? {} : readDocument(this.#path));
    const values = { ...DEFAULTS, ...first, ...(kept.success ? (kept.data as Partial<LocalSettings>) : {}) };
    const name =
      this.#player === null ? values.playerName : (this.#player.get() ?? (values.playerName || systemName()));
    this.#values = { ...values, playerName: name };
  }

  get values(): LocalSettings {
    return this.#values;
  }

  /** Null when saved, else why not; `text` for the command. */
  change(change: SettingsChange): { readonly problem: Exclude<LocalProblem, 'OFFLINE'>; readonly text: string } | null {
    if (change.master !== undefined && change.master !== '') {
      const link = parseMasterLink(change.master);
      // An invitation names its masterserver, too.
      const invited = parseJoinTarget(change.master)?.master ?? null;
      if (invited !== null) return this.change({ ...change, master: invited });
      if ('problem' in link) return { problem: 'MASTER_LINK', text: linkText(link) };
    }
    this.#values = { ...this.#values, ...(change as Partial<LocalSettings>) };
    try {
      if (this.#path !== null) writeDocument(this.#path, this.#values);
      if (change.playerName !== undefined) this.#player?.keep(change.playerName);
      return null;
    } catch (error) {
      const text = `The settings could not be written: ${(error as Error).message}`;
      return { problem: 'SETTINGS_NOT_WRITTEN', text };
    }
  }

  /** The newest join first, each code once. */
  remember(join: RecentJoin): void {
    const recent = [join, ...this.#values.recent.filter(({ code }) => code !== join.code)].slice(0, 10);
    this.change({ recent });
  }
}
