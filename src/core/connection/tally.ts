/** What a connection has come to, in datagrams, whatever paths they took. */
import type { Path } from './path.ts';

export class Tally {
  /** Of the application. */
  sent = 0;
  received = 0;
  /** On paths that are gone, or never sent because the line is full. */
  private lostBefore = 0;

  /** What was sent and never answered is lost, too, where a path ends because nothing passes. */
  gone({ state, lost, sent, answered }: Path): void {
    this.lostBefore += lost + (state === 'sick' || state === 'doubted' ? sent - answered.sent : 0);
  }

  shed(count: number): void {
    this.lostBefore += count;
  }

  /** Datagrams that we sent and the other side did not hear, as far as it has said. */
  lost(paths: readonly Path[]): number {
    return paths.reduce((sum, { lost }) => sum + lost, this.lostBefore);
  }
}
