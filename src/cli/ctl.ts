/** `sallyport ctl WHAT`: looks at a program of ours that runs on this computer, and commands it, over its local interface. */
import type { FriendView, HostingView, LocalAnswer, LocalCommand, LocalState } from '../app/index.ts';
import { asksToCome, type ConnectionWays, hasGone, isInside, type LocalDone } from '../app/local-api.ts';
import { showCode } from '../core/model/code.ts';
import { SallyportError, usage } from '../node/failure.ts';
import { stateDir } from './agent-flags.ts';
import { banText } from './ban-text.ts';
import { CTL_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { didYouMean } from './nearest.ts';
import { askProgram, type Program, programs } from './programs.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';
import { waysText } from './ways.ts';
import { called, present, shownName, tableText, whoHead, whoRow } from './who.ts';
import { t, tMaybe } from './words/index.ts';

type CtlFlags = ReturnType<typeof readCommandLine<typeof CTL_FLAGS>>['flags'];

interface Errand {
  /** The words behind the first one, and whether the last may be left out. */
  readonly words: readonly string[];
  readonly run: (desk: ProgramDesk, words: readonly string[], flags: CtlFlags) => Promise<void>;
  /** A host is meant, whatever else runs. */
  readonly host: boolean;
}

const ERRANDS: Readonly<Record<string, Errand>> = {
  who: { host: true, words: [], run: async (desk) => desk.who() },
  ways: { host: false, words: [], run: (desk) => desk.ways() },
  bans: { host: true, words: [], run: async (desk) => desk.bans() },
  kick: {
    host: true,
    words: ['NAME'],
    run: (desk, [name = '']) => desk.each(name, (friend) => ({ do: 'kick', friend })),
  },
  ban: {
    host: true,
    words: ['NAME'],
    run: (desk, [name = ''], { network }) => desk.each(name, (friend) => ({ do: 'ban', friend, network }), true),
  },
  unban: { host: true, words: ['N'], run: (desk, [n = '']) => desk.unban(n) },
  admit: { host: true, words: ['NAME'], run: (desk, [name = '']) => desk.admit(name, true) },
  refuse: { host: true, words: ['NAME'], run: (desk, [name = '']) => desk.admit(name, false) },
  stop: { host: false, words: [], run: (desk) => desk.send({ do: 'quit' }) },
};

export async function ctlCommand(invocation: Invocation): Promise<void> {
  const { flags, words } = readCommandLine(CTL_FLAGS, ['WHAT...'], invocation.argv, invocation.env);
  const [what = '', ...more] = words;
  const { terminal } = invocation;
  const all = await programs(stateDir(flags, invocation.env));
  if (what === 'status') {
    if (more.length > 0) throw usage(t('"{word}" is one word too many.', { word: more[0] as string }));
    const meant = named(all, flags.as);
    if (meant.length === 0) throw notRunning(stateDir(flags, invocation.env), flags.as);
    return sayStatus(terminal, meant);
  }
  const errand = Object.hasOwn(ERRANDS, what) ? ERRANDS[what] : undefined;
  if (errand === undefined) throw noErrand(what);
  if (more.length < errand.words.length)
    throw usage(t('{word} is missing.', { word: errand.words[more.length] as string }));
  if (more.length > errand.words.length)
    throw usage(
      t('"{word}" is one word too many. Put a name with spaces in quotes.', {
        word: more[errand.words.length] as string,
      }),
    );
  const candidates = named(all, flags.as).filter(({ state }) => !errand.host || state.hosting !== null);
  const [program, other] = candidates;
  if (program === undefined) throw notRunning(stateDir(flags, invocation.env), flags.as, errand.host);
  if (other !== undefined)
    throw usage(
      t('Several are running: say which by --as {names}.', { names: candidates.map(asName).join(', --as ') }),
    );
  await errand.run(new ProgramDesk(terminal, program), more, flags);
}

function noErrand(what: string): SallyportError {
  const all = ['status', ...Object.keys(ERRANDS)];
  const meant = didYouMean(what, all, (word) => `"ctl ${word}"`);
  return usage(`${t('There is no "ctl {what}": it is one of {all}.', { what, all: all.join(', ') })}${meant}`);
}

/** As `--as` takes it. */
function asName({ file }: Program): string {
  return file.name === '' ? file.program : file.name;
}

function named(all: readonly Program[], as: string | undefined): readonly Program[] {
  if (as === undefined) return all;
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '');
  return all.filter((program) => plain(asName(program)) === plain(as));
}

function notRunning(stateDirectory: string, as: string | undefined, host = false): SallyportError {
  const folder = stateDirectory;
  const own = host
    ? t('No host runs with the state directory {folder}.', { folder })
    : t('Nothing of sallyport runs with the state directory {folder}.', { folder });
  const detail =
    as === undefined ? own : t('Nothing that is called "{as}" runs with the state directory {folder}.', { as, folder });
  return new SallyportError('NOT_RUNNING', { detail });
}

class ProgramDesk {
  readonly #terminal: Terminal;
  readonly #program: Program;
  readonly #hosting: HostingView | null;

  constructor(terminal: Terminal, program: Program) {
    this.#terminal = terminal;
    this.#program = program;
    this.#hosting = program.state.hosting;
  }

  async send(command: LocalCommand): Promise<void> {
    await this.#ask(command);
    this.#terminal.event('done', command);
  }

  async #ask({ do: name, ...fields }: LocalCommand): Promise<LocalDone> {
    const answer = (await (await askProgram(this.#program.file, `/v1/${name}`, fields)).json()) as LocalAnswer;
    if (!answer.ok) throw usage(`${answer.error.what} ${answer.error.why} ${answer.error.next}`);
    return answer;
  }

  /** Of a host those of each friend, of a join those to its host. */
  async ways(): Promise<void> {
    const { connections = [] } = await this.#ask({ do: 'paths' });
    this.#terminal.event('connections', { connections });
    this.#terminal.page(waysText(connections.map((one) => ({ name: this.#nameOf(one), ways: one.ways }))));
  }

  #nameOf({ join, friend }: ConnectionWays): string {
    const host = this.#program.state.joins.find(({ id }) => id === join);
    if (host !== undefined) return host.hostName === '' ? host.target : host.hostName;
    const view = this.#hosting?.friends.find((one) => one.friend === friend);
    return view === undefined ? (friend ?? '').slice(0, 8) : shownName(view);
  }

  who(): void {
    const friends = present(this.#hosting ?? { friends: [] });
    this.#terminal.event('who', { friends });
    const rows = friends.map((view) => whoRow(view, Date.now()));
    this.#terminal.page(rows.length === 0 ? t('Nobody is here.') : tableText(whoHead(), rows));
  }

  bans(): void {
    const bans = this.#hosting?.bans ?? [];
    this.#terminal.event('bans', { bans });
    const lines = bans.map((kept, n) => `${n + 1}  ${banText(kept)}`);
    this.#terminal.page(lines.length === 0 ? t('Nobody is banned.') : lines.join('\n'));
  }

  /** `gone`: also one that has left. */
  async each(name: string, command: (friend: string) => LocalCommand, gone = false): Promise<void> {
    const hosting = this.#hosting ?? { friends: [] };
    for (const friend of this.#meant(name, gone ? hosting.friends : present(hosting))) {
      const sent = command(friend.friend);
      await this.send(sent);
      this.#terminal.fact(
        'done',
        sent.do === 'ban' ? 'Banned' : 'Kicked',
        t('{name}, key {key}', { name: shownName(friend), key: friend.fingerprint }),
      );
      if (sent.do === 'ban' && sent.network && hasGone(friend))
        this.#terminal.fact(
          'warn',
          'Network',
          t('It has left, so its network is not known any more: banned by its key alone.'),
        );
    }
  }

  async admit(name: string, admit: boolean): Promise<void> {
    const asking = present(this.#hosting ?? { friends: [] }).filter(asksToCome);
    const meant = this.#meant(name, asking);
    if (meant.length > 1)
      throw usage(
        t('Several of that name ask: say the beginning of the key ({keys}).', {
          keys: meant.map(({ fingerprint }) => fingerprint).join(', '),
        }),
      );
    for (const { friend } of meant) await this.send({ do: 'admit', friend, admit });
  }

  async unban(n: string): Promise<void> {
    const kept = /^\d{1,6}$/.test(n) ? this.#hosting?.bans[Number(n) - 1] : undefined;
    if (kept === undefined)
      throw usage(t('There is no ban of the number "{n}"; "sallyport ctl bans" lists them.', { n }));
    await this.send({ do: 'unban', ban: kept.ban });
    this.#terminal.fact('done', 'Lifted', banText(kept));
  }

  /** Each friend once. */
  #meant(name: string, among: readonly FriendView[]): readonly FriendView[] {
    const meant = new Map(called(name, among).map((view) => [view.friend, view]));
    if (meant.size === 0)
      throw usage(t('There is no friend called "{name}"; "sallyport ctl who" lists them.', { name }));
    return [...meant.values()];
  }
}

const STATUS_HEAD = ['Name', 'Program', 'Process', 'Master', 'What'] as const;

function sayStatus(terminal: Terminal, meant: readonly Program[]): void {
  for (const { file, state } of meant) {
    const { program, name, pid, master, hosting, joins, version } = state;
    const { startedAt } = file;
    const views = joins.map(({ id, target, hostName, phase, local, services, hostLeft, gamesQuiet, path, failure }) => {
      const way = path === null ? null : { kind: path.kind, via: path.via, rttMs: path.rttMs };
      return { id, target, hostName, phase, local, services, hostLeft, gamesQuiet, path: way, failure };
    });
    const { link: _, ...link } = master;
    terminal.event('status', { program, name, pid, version, startedAt, master: link, hosting, joins: views });
  }
  const rows = meant.map((program) => {
    const { state, file } = program;
    return [asName(program), file.program, String(file.pid), tMaybe(state.master.state), whatRuns(state)];
  });
  terminal.page(
    tableText(
      STATUS_HEAD.map((head) => t(head)),
      rows,
    ),
  );
}

function whatRuns({ hosting, joins }: LocalState): string {
  const inside = hosting?.friends.filter(isInside).length ?? 0;
  const ports = hosting?.silentPorts ?? [];
  const silent = ports.length === 0 ? '' : `, ${t('no answer from the game on {ports}', { ports: ports.join(', ') })}`;
  const state = tMaybe(hosting?.state ?? '');
  const host =
    hosting === null
      ? []
      : [`${t('hosts {code} ({state}), friends: {inside}', { code: showCode(hosting.code), state, inside })}${silent}`];
  return [...host, ...joins.map(joinText)].join('; ') || t('nothing just now');
}

function joinText({ target, hostName, phase, local: first, services, hostLeft }: LocalState['joins'][number]): string {
  const host = hostName === '' ? target : hostName;
  const local = services.length === 0 ? first : services.map((service) => service.local).join(' ');
  if (hostLeft) return t('waits for {host} to come back, local {local}', { host, local: local ?? '' });
  if (phase === 'connected') return t('is with {host}, local {local}', { host, local: local ?? '' });
  return `${host}: ${tMaybe(phase)}`;
}
