/** One node of the fleet under test, in a namespace of its own: prints what it tells, and its list whenever a line comes in. */
import { createInterface } from 'node:readline';
import { startMaster } from '../src/master/index.ts';

export interface NodeRequest {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly stateDir: string;
  readonly nats: string;
  readonly nkey: string;
  readonly hook: string;
}

/** A line of its output. */
export type NodeLine =
  | { readonly ev: 'ready'; readonly link: string }
  | { readonly ev: 'fact'; readonly fact: string; readonly detail: string }
  /** `registered`: at this node itself; the list shows those of the whole fleet. */
  | { readonly ev: 'list'; readonly names: readonly string[]; readonly registered: number };

const say = (line: NodeLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const { name, address, port, stateDir, nats, nkey, hook } = JSON.parse(process.argv[2] ?? '{}') as NodeRequest;
const master = await startMaster({
  ...{ listen: [address], port, stateDir, http: '127.0.0.1:0', metrics: '127.0.0.1:0', relay: null },
  logLevel: 'silent',
  fleet: { nats: { servers: [nats], nkey }, node: name, region: 'lab' },
  // Each host is tested within seconds, and told of at once: what comes twice is not hidden by the silence after a start.
  testJoins: { intervalMs: 250, againMs: 3_600_000, timeoutMs: 5_000 },
  webhooks: [{ url: hook, body: 'json', events: ['host.listed', 'host.gone'] }],
  webhookTiming: { intervalMs: 5, muteMs: 0, retryMs: 500 },
  onFact: (fact) => say({ ev: 'fact', fact: fact.fact, detail: JSON.stringify(fact) }),
});

/** As anybody reads it, page by page. */
async function names(): Promise<readonly string[]> {
  const found: string[] = [];
  let after = '';
  do {
    const answer = await fetch(`${master.http}/api/v1/servers?limit=100${after}`);
    const page = (await answer.json()) as { readonly servers: readonly { name: string }[]; readonly next?: string };
    found.push(...page.servers.map((server) => server.name));
    after = page.next ? `&after=${encodeURIComponent(page.next)}` : '';
  } while (after !== '');
  return found;
}

/** Of `sallyport_hosts`, listed or not. */
async function registered(): Promise<number> {
  const text = await (await fetch(master.metrics as string)).text();
  return [...text.matchAll(/^sallyport_hosts\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

createInterface({ input: process.stdin }).on('line', async () => {
  say({ ev: 'list', names: await names(), registered: await registered() });
});
process.once('SIGTERM', async () => {
  await master.drain();
  process.exit(0);
});
say({ ev: 'ready', link: master.link });
