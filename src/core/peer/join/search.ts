/**
 * While a relay carries the data of a connection: how long a direct path is looked for at a time. It is worth a search, but not one without
 * end: after a rest it begins again, because networks change.
 */
import type { Agenda, Alarm } from '../../agenda.ts';
import type { Instant } from '../../contract.ts';
import { PEER_LIMITS } from '../base/limits.ts';

interface Searcher {
  over(now: Instant): void;
  again(now: Instant): void;
}

export class Search {
  private readonly agenda: Agenda;
  private readonly searcher: Searcher;
  private alarm: Alarm | null = null;

  constructor(agenda: Agenda, searcher: Searcher) {
    this.agenda = agenda;
    this.searcher = searcher;
  }

  begin(now: Instant): void {
    this.stop();
    this.alarm = this.agenda.at(now + PEER_LIMITS.searchMs, (at) => {
      this.alarm = this.agenda.at(at + PEER_LIMITS.searchAgainMs, (later) => this.searcher.again(later));
      this.searcher.over(at);
    });
  }

  stop(): void {
    this.alarm?.cancel();
    this.alarm = null;
  }
}
