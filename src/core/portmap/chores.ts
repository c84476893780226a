/** What is to be done later, each by its name and at one time: another time takes the place of the one before. */
import { type Alarm, agenda } from '../agenda.ts';
import type { Instant } from '../contract.ts';

export class Chores<Name extends string> {
  private readonly agenda = agenda();
  private readonly alarms = new Map<Name, Alarm>();
  private readonly work: Readonly<Record<Name, (now: Instant) => void>>;

  constructor(work: Readonly<Record<Name, (now: Instant) => void>>) {
    this.work = work;
  }

  set(name: Name, at: Instant): void {
    this.clear(name);
    const alarm = this.agenda.at(at, (now) => {
      this.alarms.delete(name);
      this.work[name](now);
    });
    this.alarms.set(name, alarm);
  }

  clear(...names: readonly Name[]): void {
    for (const name of names) {
      this.alarms.get(name)?.cancel();
      this.alarms.delete(name);
    }
  }

  has(name: Name): boolean {
    return this.alarms.has(name);
  }

  run(now: Instant): void {
    this.agenda.run(now);
  }

  next(): Instant {
    return this.agenda.next();
  }
}
