/** A program running inside the sandbox: its output line by line, its end, and a way to stop it that reaches it through nsenter. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface OutputLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program has ended, or its time is over, without the line that was waited for. */
export class LabFailure extends Error {
  readonly program: LabProcess;

  constructor(program: LabProcess, why: string) {
    super(`${program.name}: ${why}; its output:\n${program.text()}`);
    this.program = program;
  }
}

/** How long a program may take to follow SIGTERM before SIGKILL. */
const STOP_GRACE_MS = 2_000;

export class LabProcess {
  readonly name: string;
  readonly lines: OutputLine[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #exit: Exit | null = null;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#read('stdout');
    this.#read('stderr');
    this.exited = new Promise((resolve) => {
      const finish = (exit: Exit): void => {
        this.#exit = exit;
        this.#wake();
        resolve(exit);
      };
      child.once('error', (error) => {
        this.lines.push({ stream: 'stderr', text: String(error) });
        finish({ code: 127, signal: null });
      });
      // 'close' and not 'exit': all output has been read by then.
      child.once('close', (code, signal) => finish({ code, signal }));
    });
  }

  #read(stream: 'stdout' | 'stderr'): void {
    const readable = this.#child[stream];
    if (!readable) return;
    createInterface({ input: readable }).on('line', (text) => {
      this.lines.push({ stream, text });
      this.#wake();
    });
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Of the program itself, seen from outside the sandbox; undefined before it has begun and once it has ended. */
  get pid(): number | undefined {
    return childrenOf(this.#child.pid)[0];
  }

  get running(): boolean {
    return this.#exit === null;
  }

  /** Everything printed so far, for error messages and logs. */
  text(): string {
    return this.lines.map((line) => `${this.name} ${line.stream === 'stderr' ? '!' : '|'} ${line.text}`).join('\n');
  }

  /** Calls `listener` with every line, those printed already first. */
  follow(listener: (line: OutputLine) => void): void {
    let seen = 0;
    const look = (): void => {
      while (seen < this.lines.length) listener(this.lines[seen++]!);
    };
    this.#watchers.add(look);
    look();
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** The first line, printed already or still to come, for which `pick` gives something; rejects at the time-out or the end. */
  async find<T>(pick: (line: OutputLine) => T | null | undefined, timeoutMs: number): Promise<T> {
    let seen = 0;
    return await new Promise<T>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const fail = (why: string): void => finish(() => reject(new LabFailure(this, why)));
      const look = (): void => {
        while (seen < this.lines.length) {
          const found = pick(this.lines[seen++]!);
          if (found !== null && found !== undefined) {
            finish(() => resolve(found));
            return;
          }
        }
        if (!this.running) fail(`ended (${JSON.stringify(this.#exit)}) before the expected line`);
      };
      const timer = setTimeout(() => fail(`no expected line within ${timeoutMs} ms`), timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends a signal to the program itself; nsenter, its parent, does not pass signals on. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of childrenOf(this.#child.pid)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended in the meantime.
      }
    }
    // nsenter stops itself when its child is stopped, and would then never see it end.
    if (signal === 'SIGCONT') this.#child.kill(signal);
  }

  async stop(): Promise<Exit> {
    if (!this.running) return await this.exited;
    this.signal('SIGTERM');
    const hard = setTimeout(() => this.signal('SIGKILL'), STOP_GRACE_MS);
    const exit = await this.exited;
    clearTimeout(hard);
    return exit;
  }
}

/** Direct children of a process, as the kernel lists them. */
export function childrenOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return list.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
