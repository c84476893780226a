/** `sallyport master --self-test` from behind a home router, at a masterserver whose own firewall keeps some of its ports shut. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type LabHost, openLab, Scene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

describeUnless(labMissing(), 'the self-test of a masterserver, from a second computer,', () => {
  let lab: Lab;
  let scene: Scene;
  let tester: LabHost;

  beforeAll(async () => {
    lab = await openLab({});
    const home = await lab.nat('home', 'home-router');
    tester = await lab.hostBehind(home, 'ana');
    const master = await lab.publicHost('master', 2);
    scene = new Scene(lab, tinyGame, { master, host: tester, client: tester, nats: [home] });
    await scene.startMaster();
  }, 60_000);
  afterAll(() => lab.close());

  async function firewall(shut: string): Promise<void> {
    const rules = `table ip shut {
      chain in { type filter hook input priority 0; ${shut === '' ? '' : `udp dport ${shut} drop`}
      }
    }`;
    await lab.sandbox.shell(`ip netns exec master sh -c 'nft delete table ip shut 2>/dev/null || true'
ip netns exec master nft -f - <<'END'\n${rules}\nEND`);
  }

  async function run(...more: readonly string[]): Promise<{ readonly text: string; readonly code: number | null }> {
    const command = scene.sallyport(tester, ['master', '--self-test', '--master', scene.link, ...more]);
    const { code } = await command.exited;
    return { text: command.text(), code };
  }

  test('says that all of its ports answer', async () => {
    await firewall('');
    const { text, code } = await run();
    expect(text).toMatch(/Door .*UDP 8430 answers/);
    expect(text).toMatch(/Control .*UDP 8431 to 8438 answers/);
    expect(text).toMatch(/Probes .*UDP 8439 to 8454 answers/);
    expect(text).toMatch(/Relay .*UDP 8455 answers/);
    expect(text).toMatch(/all of its ports answer/);
    expect(code).toBe(0);
  }, 60_000);

  test.each([
    ['the probe ports', '8439-8454', [/Probes .*UDP 8439 to 8454 shut/, /Control .*8431 to 8438 answers/]],
    ['some of them', '{ 8440, 8451 }', [/Probes .*UDP 8440 and 8451 shut/, /Probes .*8439, 8441 to 8450 and 8452/]],
    ['a control port and the relay', '{ 8433, 8455 }', [/Control .*UDP 8433 shut/, /Relay .*UDP 8455 shut/]],
    ['everything', '8430-8455', [/Door .*UDP 8430 shut/]],
  ])(
    '%s shut by nftables: names them, in German too',
    async (_what, ports, says) => {
      await firewall(ports);
      const { text, code } = await run();
      for (const words of says) expect(text).toMatch(words);
      expect(text).toMatch(/let UDP .* pass its firewall/);
      expect(code).toBe(3);
      const german = await run('--lang', 'de');
      expect(german.text).toMatch(/Lass UDP .* durch seine Firewall/);
    },
    90_000,
  );
});
