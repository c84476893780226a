/** What `sallyport master --self-test` finds from another computer: which ports of a master are shut, and whether sources are rewritten. */
import { describe, expect, test } from 'vitest';
import {
  type PortRole,
  type PortSurvey,
  PortSurveyMachine,
  seededCrypto,
  socketIds,
  WIRE_LIMITS,
} from '../../src/core/index.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { NATS } from '../../src/sim/index.ts';
import { type Peers, peers } from './peers.ts';

const FIRST_CONTROL = 8431;
const FIRST_PROBE = 8439;

type Master = ConstructorParameters<typeof PortSurveyMachine>[0]['master'];

function survey(setup: Peers, master: Partial<Master> = {}, families: readonly (4 | 6)[] = [4, 6]) {
  const { world } = setup;
  const host = world.host({ name: 'tester', behind: NATS.linux, ipv6: families.includes(6) });
  const told: PortSurvey[] = [];
  const machine = new PortSurveyMachine({
    ...{ crypto: seededCrypto(`${world.options.seed}/tester`, nodeCrypto), random: world.random('tester') },
    ...{ sockets: socketIds(), families, wallClock: () => 1_700_000_000_000 + world.now },
    master: { ...setup.master.address, addresses: setup.master.address.addresses.slice(0, 1), ...master },
  });
  host.run(machine, { onEvent: ({ survey: found }) => told.push(found) }).command({ do: 'start' });
  setup.until(() => told.length > 0, 12_100, 'the survey is over');
  const ports = (role: PortRole, answered: boolean) =>
    told[0]!.ports
      .filter((port) => port.role === role && (port.answeredMs !== null) === answered)
      .map(({ endpoint }) => `${endpoint.address} ${endpoint.port}`)
      .toSorted();
  return { found: told[0]!, open: (role: PortRole) => ports(role, true), shut: (role: PortRole) => ports(role, false) };
}

/** The operator's firewall lets nothing in at these. */
const shut = ({ world, master }: Peers, ...ports: readonly number[]) =>
  void world.internet.obstruct(
    ({ to }) => master.address.addresses.includes(to.address) && (ports.length === 0 || ports.includes(to.port)),
  );

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

describe('a survey of the ports of a master from another computer', () => {
  test.each([1, 2, 3])('finds all that are open, at every address of both families (seed %i)', (seed) => {
    const { found, open, shut: closed } = survey(peers({ seed: `survey-${seed}`, lossRate: 0.02 }));
    expect(open('door')).toHaveLength(3);
    expect(open('control')).toHaveLength(3 * WIRE_LIMITS.controlPorts);
    expect(open('probe')).toHaveLength(48);
    expect([closed('door'), closed('control'), closed('probe')]).toEqual([[], [], []]);
    expect(found.failure).toBeNull();
    expect(found.seenAs).toHaveLength(2);
  });

  test('names those that a firewall keeps shut, and no other', () => {
    const setup = peers({ seed: 'survey-some' });
    shut(setup, FIRST_CONTROL + 2, FIRST_PROBE, FIRST_PROBE + 7);
    const { open, shut: closed } = survey(setup, {}, [4]);
    const at = (port: number) => ['198.51.100.7', '198.51.100.8'].map((address) => `${address} ${port}`);
    expect(closed('control')).toEqual(at(FIRST_CONTROL + 2));
    expect(closed('probe')).toEqual([...at(FIRST_PROBE), ...at(FIRST_PROBE + 7)].toSorted());
    expect([open('control').length, open('probe').length]).toEqual([14, 28]);
  });

  test.each([
    ['all probe ports', range(FIRST_PROBE, 16), { control: 16, probe: 0 }],
    ['all but the door', range(FIRST_CONTROL, 24), { control: 0, probe: 0 }],
  ])('%s shut', (_what, ports, expected) => {
    const setup = peers({ seed: 'survey-all' });
    shut(setup, ...ports);
    const { found, open } = survey(setup, {}, [4]);
    expect(open('door')).toHaveLength(2);
    expect(found.failure).toBeNull();
    expect([open('control').length, open('probe').length]).toEqual([expected.control, expected.probe]);
  });

  test('a dead master, and one with another key, are told apart', () => {
    const dead = peers({ seed: 'survey-dead' });
    shut(dead);
    expect(survey(dead).found).toMatchObject({ failure: 'MASTER_UNREACHABLE' });
    const other = survey(peers({ seed: 'survey-key' }), { key: nodeCrypto.keyPair().publicKey });
    expect(other.found).toMatchObject({ failure: 'MASTER_KEY_MISMATCH', seenAs: [] });
  });

  test('sources that something in front of the master rewrites are seen', () => {
    const setup = peers({ seed: 'survey-rewritten' }, () => ({ rewrittenTo: '172.17.0.1' }));
    expect(survey(setup).found.seenAs).toEqual(['172.17.0.1']);
  });
});
