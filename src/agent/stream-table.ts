/** The streams of one path, by their names on the connection that carries it just now. */
import type { StreamCommand, StreamId } from '../core/index.ts';
import { PathStream, type StreamNews } from './stream.ts';

export class PathStreams {
  readonly #command: (command: StreamCommand) => void;
  readonly #streams = new Map<StreamId, PathStream>();
  #next: StreamId = 0;

  constructor(command: (command: StreamCommand) => void) {
    this.#command = command;
  }

  /** Where the path is not up, it ends at once. */
  open(service: number, up: boolean): PathStream {
    const { name, made } = this.#add(this.#next++, service);
    if (up) this.#command({ do: 'stream-open', stream: name, service });
    else made.told({ ev: 'stream-reset', stream: name, why: 'lost' });
    return made;
  }

  /** `onStream`: takes a stream that the friend has opened; null: nobody does. */
  told(news: StreamNews, onStream: ((service: number, stream: PathStream) => void) | null): void {
    if (news.ev !== 'stream-opened') {
      this.#streams.get(news.stream)?.told(news);
      return;
    }
    const { stream: name, service } = news;
    if (onStream === null) this.#command({ do: 'stream-reset', stream: name, why: 'refused' });
    else onStream(service, this.#add(name, service).made);
  }

  /** The path is gone. Whoever has closed it knows, and gets no errors. */
  end(byUs: boolean): void {
    for (const [stream, one] of [...this.#streams]) {
      if (byUs) one.destroy();
      else one.told({ ev: 'stream-reset', stream, why: 'lost' });
    }
  }

  #add(name: StreamId, service: number): { readonly name: StreamId; readonly made: PathStream } {
    const made = new PathStream(service, name, this.#command, () => {
      if (this.#streams.get(name) === made) this.#streams.delete(name);
    });
    this.#streams.set(name, made);
    return { name, made };
  }
}
