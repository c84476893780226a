/** The process behind the local page, with a real masterserver and host on loopback. */
import { expect, test } from 'vitest';
import { type Agent, openAgent } from '../../src/agent/index.ts';
import { APP_LIMITS, Engine, SettingsFile } from '../../src/app/index.ts';
import type { SettingsChange } from '../../src/app/local-api.ts';
import { startMaster } from '../../src/master/index.ts';
import { Bench, portBase } from './processes.ts';

test('a join that goes on is shown and can be stopped, however many have come and gone after it', async () => {
  const bench = new Bench();
  const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
  const master = await startMaster({ listen: ['127.0.0.1'], port: portBase(), stateDir: bench.folder(), ...quiet });
  const host: Agent = await openAgent({ master: master.link });
  const engine = openEngine(bench, master.link);
  try {
    await engine.start();
    const hosting = await host.host({ name: 'Arena', ask: true, onPath: () => {} });
    const join = async (): Promise<number> => {
      const answer = await engine.command({ do: 'join', target: hosting.code, password: '', localPort: 0 });
      return answer.ok && answer.join !== undefined ? answer.join : expect.unreachable('the join begins');
    };
    const first = await join();
    for (let n = 0; n < APP_LIMITS.joinsOverMax + 10; n++) await engine.command({ do: 'abort', join: await join() });
    const { joins } = engine.state();
    expect(joins.filter(({ phase }) => phase === 'stopped')).toHaveLength(APP_LIMITS.joinsOverMax);
    expect(joins.filter(({ phase }) => phase !== 'stopped').map(({ id }) => id)).toEqual([first]);
    await engine.command({ do: 'abort', join: first });
    expect(engine.state().joins.every(({ phase }) => phase === 'stopped')).toBe(true);
  } finally {
    await engine.close();
    await host.close();
    await master.close();
    await bench.close();
  }
});

test('both pages show by whom a hidden address is relayed, and why it is not direct', async () => {
  const bench = new Bench();
  const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
  const at = { listen: ['127.0.0.1'], port: portBase(), stateDir: bench.folder() };
  const master = await startMaster({ ...at, ...quiet, relay: {} });
  const [host, friend] = [openEngine(bench, master.link, { relay: 'only' }), openEngine(bench, master.link)];
  try {
    await Promise.all([host.start(), friend.start()]);
    const ports = [await bench.game(), await bench.game()];
    const game = { services: ports.join(), name: 'Arena', game: '', playersMax: 8 };
    await host.command({ do: 'host', ...game, public: false, password: '', ask: false });
    const target = host.state().hosting?.code ?? '';
    expect(await friend.command({ do: 'join', target, password: '', localPort: 0 })).toMatchObject({ ok: true });
    await expect.poll(() => friend.state().joins[0]?.phase, { timeout: 10_000 }).toBe('connected');
    const [join] = friend.state().joins;
    expect(join).toMatchObject({ path: { kind: 'relay', via: 'master' }, notDirect: { because: 'wished' } });
    const guests = () => host.state().hosting?.friends;
    await expect.poll(guests).toMatchObject([{ state: 'connected', kind: 'relay', via: 'master' }]);
    const services = () => friend.state().joins[0]?.services;
    await expect.poll(() => services()?.map(({ port }) => port)).toEqual(ports);
    for (const { local } of services() ?? []) expect(await bench.ask(local, 'x')).toContain('said x');
  } finally {
    await friend.close();
    await host.close();
    await master.close();
    await bench.close();
  }
});

test('to a host the app and the command of one computer are one friend, by the same name', async () => {
  const bench = new Bench();
  const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;
  const master = await startMaster({ listen: ['127.0.0.1'], port: portBase(), stateDir: bench.folder(), ...quiet });
  const host: Agent = await openAgent({ master: master.link });
  const home = bench.folder();
  const engine = openEngine(bench, master.link, { playerName: 'Kofi' }, home);
  try {
    await engine.start();
    const hosting = await host.host({ name: 'Arena', onPath: () => {} });
    const seen: string[] = [];
    hosting.on('friend', ({ friend, name, state }) => state === 'connected' && seen.push(`${friend} ${name}`));
    await engine.command({ do: 'join', target: hosting.code, password: '', localPort: 0 });
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(1);
    const words = ['join', hosting.code, '--master', master.link, '--json', '--state-dir', home];
    await bench.sallyport(words).line('connected');
    expect(seen[0]).toMatch(/ Kofi$/);
    await expect.poll(() => seen.length).toBe(2);
    expect(seen[1]).toBe(seen[0]);
  } finally {
    await engine.close();
    await host.close();
    await master.close();
    await bench.close();
  }
});

function openEngine(bench: Bench, master: string, change: SettingsChange = {}, stateDir = bench.folder()): Engine {
  const settings = new SettingsFile(stateDir);
  settings.change({ master, ...change });
  const does = { program: 'app', settings, stateDir, keyFile: `${stateDir}/key` } as const;
  return new Engine({ does, version: '0', env: {}, clipboard: false, onQuit: () => {} });
}
