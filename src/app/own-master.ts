/**
 * A small masterserver in this program, for whoever hosts and knows no other. What starts it is injected, because the page and the library
 * do without a masterserver's parts.
 */
import type { OwnMasterFault, OwnMasterView, OwnMasterWay } from './local-api.ts';

export interface RunningOwnMaster {
  readonly way: OwnMasterWay;
  /** By which this program reaches it. */
  readonly local: string;
  /** By which friends do. */
  readonly link: string;
  close(): Promise<void>;
}

/**
 * Looks for a way in and starts it; says why not where there is none. `onWay`: do strangers come in still? A router may
 * take the way back, and open it again.
 */
export type StartOwnMaster = (
  stateDir: string,
  onWay: (open: boolean) => void,
) => Promise<RunningOwnMaster | OwnMasterFault>;

export class OwnMaster {
  readonly #start: StartOwnMaster | null;
  readonly #stateDir: string;
  readonly #onChange: () => void;
  #running: RunningOwnMaster | null = null;
  /** One thing at a time: the router is asked to close before it is asked to open. */
  #before: Promise<unknown> = Promise.resolve();
  #view: OwnMasterView = OFF;

  constructor(start: StartOwnMaster | null, stateDir: string, onChange: () => void) {
    this.#start = start;
    this.#stateDir = stateDir;
    this.#onChange = onChange;
  }

  /** Null where this program can't. */
  get view(): OwnMasterView | null {
    return this.#start === null ? null : this.#view;
  }

  /** How this program reaches the masterserver of a link: where it is our own, from inside. */
  within(master: string): { readonly master: string; readonly linkMaster?: string } {
    const running = this.#running;
    return running?.link === master ? { master: running.local, linkMaster: master } : { master };
  }

  isOwn(master: string): boolean {
    return this.#running?.link === master;
  }

  /** Its link; null where it can't be, and the view says why. */
  open(): Promise<string | null> {
    return this.#afterAll(async () => {
      if (this.#running !== null) return this.#running.link;
      if (this.#start === null) return null;
      this.#show({ state: 'starting', because: null, way: null, link: '' });
      const started = await this.#start(this.#stateDir, (open) => this.#way(open)).catch(() => 'failed' as const);
      if (typeof started === 'string') {
        this.#show({ state: 'impossible', because: started, way: null, link: '' });
        return null;
      }
      this.#running = started;
      this.#show({ state: 'on', because: null, way: started.way, link: started.link });
      return started.link;
    });
  }

  close(): Promise<void> {
    return this.#afterAll(async () => {
      const running = this.#running;
      this.#running = null;
      await running?.close();
      if (this.#view !== OFF) this.#show(OFF);
    });
  }

  #way(open: boolean): void {
    if (this.#running === null || open === (this.#view.state === 'on')) return;
    this.#show({ ...this.#view, state: open ? 'on' : 'shut', because: open ? null : 'no-way-in' });
  }

  #show(view: OwnMasterView): void {
    this.#view = view;
    this.#onChange();
  }

  #afterAll<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#before.then(work);
    this.#before = done.catch(() => {});
    return done;
  }
}

const OFF: OwnMasterView = { state: 'off', because: null, way: null, link: '' };
