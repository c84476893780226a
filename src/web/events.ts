/**
 * Server-sent events over fetch, because EventSource can't send the bearer token. Reconnects for ever with a growing rest,
 * so a page survives sleep and a restart of the program behind it.
 */
export interface Stream {
  close(): void;
}

const RETRY_MS = [500, 1000, 2000, 5000] as const;

/** `headers` are asked for with each try. */
export function openStream(
  url: string,
  headers: () => Readonly<Record<string, string>>,
  onEvent: (name: string, data: string) => void,
  onState: (connected: boolean, refused: boolean) => void,
): Stream {
  const abort = new AbortController();
  let failures = 0;
  let refused = false;
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      try {
        const response = await fetch(url, {
          headers: { accept: 'text/event-stream', ...headers() },
          signal: abort.signal,
        });
        refused = response.status === 401;
        if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
        failures = 0;
        onState(true, false);
        await readEvents(response.body, onEvent);
      } catch (error) {
        if (error instanceof TypeError) refused = false;
        // The reason does not matter here: the page shows "not connected" and the loop tries again.
      }
      if (abort.signal.aborted) return;
      onState(false, refused);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
      failures += 1;
    }
  };
  void run();
  return { close: () => abort.abort() };
}

async function readEvents(
  body: ReadableStream<Uint8Array>,
  onEvent: (name: string, data: string) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) emitBlock(block, onEvent);
  }
}

function emitBlock(block: string, onEvent: (name: string, data: string) => void): void {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
  }
  if (data.length > 0) onEvent(name, data.join('\n'));
}
