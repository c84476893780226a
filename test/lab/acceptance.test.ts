/**
 * A real game server from Debian answers its status query through the path, with the real command on both sides.
 * LAB_RUNS=20 gives the full measure; a few runs are enough to notice a break.
 */
import { afterAll, expect, test } from 'vitest';
import { type Joined, openScene, type Place, realGame, type Scene, type SceneOptions } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const RUNS = Number(process.env.LAB_RUNS ?? 2);
/** For one run: networks, three programs, a join. */
const RUN_MS = 60_000;
const JOIN_MS = 30_000;

const nat = (preset: Extract<Place, { readonly kind: 'nat' }>['nat']): Place => ({ kind: 'nat', nat: preset });
const open: Place = { kind: 'public' };

const PAIRS: readonly { readonly name: string; readonly scene: SceneOptions }[] = [
  { name: 'public host, friend behind a NAT', scene: { host: open, client: nat('home-router') } },
  { name: 'host behind a NAT, public friend', scene: { host: nat('home-router'), client: open } },
  { name: 'both behind port-preserving NATs', scene: { host: nat('home-router'), client: nat('home-router') } },
  { name: 'random but endpoint-independent ports', scene: { host: nat('range-cone'), client: nat('range-cone') } },
  { name: 'both behind one NAT', scene: { host: nat('home-router'), client: 'same' } },
  {
    name: 'both routers accept strangers, links of 20 ms',
    scene: {
      host: nat('home-router-accept'),
      client: nat('home-router-accept'),
      link: { delayMs: 20 },
      hops: 2,
    },
  },
  {
    name: 'home router behind a carrier NAT, on both sides',
    scene: { host: { kind: 'carrier', nat: 'range-cone' }, client: { kind: 'carrier', nat: 'range-cone' } },
  },
  {
    name: 'in an unprivileged user namespace',
    scene: { host: nat('home-router'), client: nat('home-router'), userNamespace: true },
  },
];

const report: string[] = [];

/** The host looks for a master that has gone with growing pauses, so for some seconds it is not known yet. */
async function joinWhenKnown(stage: Scene, limitMs: number): Promise<Joined> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await stage.join(JOIN_MS);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

const missing = labMissing() ?? (realGame() === null ? 'teeworlds-server is not installed' : null);

describeUnless(missing, 'a real game server answers through the path:', () => {
  afterAll(() => {
    process.stdout.write(`${report.join('\n')}\n`);
  });

  for (const { name, scene } of PAIRS) {
    test(name, { timeout: RUNS * RUN_MS }, async () => {
      const times: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const stage = await openScene(scene);
        const joined = await stage.join(JOIN_MS);
        expect(await stage.status(joined)).toContain('Sallyport lab');
        expect(joined.connected.path).toBe(scene.client === 'same' ? 'lan' : 'direct');
        times.push(joined.connected.ms);
        await stage.close();
      }
      report.push(`  join to path, ${name}: median ${median(times)} ms, worst ${Math.max(...times)} ms of ${RUNS}`);
    });
  }

  test('the path lives on when the master is killed; the restarted one is found, the code is the same', async () => {
    const stage = await openScene({ host: nat('home-router'), client: nat('home-router') });
    const joined = await stage.join(JOIN_MS);
    stage.master.signal('SIGKILL');
    await stage.master.exited;
    const link = stage.link;
    // Longer than the consent interval of 5 s: a path that needed the master would be gone.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(await stage.status(joined)).toContain('Sallyport lab');

    await stage.startMaster();
    expect(stage.link).toBe(link);
    const again = await joinWhenKnown(stage, 20_000);
    expect(await stage.status(again)).toContain('Sallyport lab');
    expect(await stage.status(joined)).toContain('Sallyport lab');
    await stage.close();
  }, 60_000);
});
