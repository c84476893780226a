/**
 * Situations as people meet them, each lived through in the simulator, and what is said of it: verdict, sentence and advice stand in
 * docs/diagnosis.md as they came out here. A row that blames the wrong party fails where it is made.
 */
import { describe, expect, test } from 'vitest';
import { adviceText, notDirectText } from '../../src/agent/index.ts';
import { reasonText } from '../../src/agent/testing.ts';
import { type ReportOptions, reportLines, whatWouldHelp } from '../../src/cli/testing.ts';
import { answerStun, type PeerConfig } from '../../src/core/index.ts';
import { FAILURES } from '../../src/node/index.ts';
import { type Behind, type Gateway, NATS, type NatBehaviour } from '../../src/sim/index.ts';
import { Diagnosis } from '../diagnosis.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers, withVpn } from './peers.ts';

const table = new Diagnosis();

/**
 * Two addresses, two ports: what a public STUN server is at best. `plain`: as most are, two that know nothing of each other, and nothing of
 * RFC 5780: they answer whoever has asked, from where they were asked.
 */
function stunServer({ world }: Peers, kind: 'full' | 'plain'): PeerConfig['stun'] {
  const addresses = [world.publicAddress(), world.publicAddress()];
  const ports = kind === 'full' ? [3478, 3479] : [3478];
  const place = world.server({ name: 'stun', addresses });
  for (const local of addresses.flatMap((address) => ports.map((port) => ({ address, port })))) {
    place.bind(local, (packet) => {
      const own = kind === 'full' ? { addresses, ports } : { addresses: [local.address], ports };
      const reply = answerStun({ ...own, behaviour: 'anybody' }, local, packet.from, packet.bytes);
      if (reply === null) return;
      if (kind === 'full') place.send(reply.from, reply.to, reply.bytes);
      else place.send(local, packet.from, reply.bytes);
    });
  }
  return addresses.slice(0, kind === 'full' ? 1 : 2).map((address) => ({ address, port: 3478 }));
}

const shutProbePorts = ({ world, master }: Peers) =>
  void world.internet.obstruct(({ to }) => {
    const { addresses, port } = master.address;
    return addresses.includes(to.address) && to.port >= port + 9 && to.port <= port + 24;
  });
const nowhere = ({ world, master }: Peers) => ({ ...master.address, addresses: [world.publicAddress()] });
const gatewayOf = (setup: Peers) => setup.world.gateways.find(({ name }) => name.startsWith('me.'))!;

/** UPnP opens the port that it is asked for, or says so only. */
function upnp(setup: Peers, me: Participant, honest: boolean): void {
  const { nat } = gatewayOf(setup);
  const { port } = me.last('upnp')!;
  if (honest) nat.forwardPort(port, { address: me.host.addresses[0]!, port });
  me.command({ do: 'upnp', works: true, external: { address: nat.addresses[0]!, port } });
}

interface Situation {
  readonly behind: Behind | null;
  /** The masterserver stands in the same network, behind the same router. */
  readonly home?: boolean;
  /** Something in front of the masterserver gives every packet this source address. */
  readonly rewrittenTo?: string;
  readonly stun?: 'full' | 'plain';
  readonly dead?: boolean;
  /** All that it sends goes through a VPN, whose network is the one that it is behind. */
  readonly vpn?: boolean;
  prepare?(setup: Peers): void;
  /** After the first profile. */
  later?(setup: Peers, me: Participant): void;
  /** The words that have to be in the sentence, and those that must be nowhere. */
  readonly says: RegExp;
  readonly advises: RegExp | null;
  readonly never?: RegExp;
}

const ROUTER = /router|UPnP/;
const ROUTER_ASKED = /UPnP|forward/;
const HERE = /your firewall|this network blocks|blocked/i;

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'A computer with a public address': { behind: null, says: /^(Open|Moderate)/, advises: null },
  'A home router (Linux), strangers dropped': { behind: NATS.linux, says: /^Moderate/, advises: /UPnP/ },
  'The same, strangers refused': { behind: NATS.linuxReject, says: /^Moderate/, advises: /UPnP/ },
  'The same, which takes an early stranger amiss': { behind: NATS.linuxAccept, says: /^Moderate/, advises: /UPnP/ },
  'A full cone router': { behind: NATS.fullCone, says: /^Open/, advises: null },
  'An address-restricted router': { behind: NATS.addressRestricted, says: /^Moderate/, advises: /UPnP/ },
  'pf or OPNsense, which draws each port at random': { behind: NATS.pf, says: /^Strict/, advises: /UPnP/ },
  'pf with a port opened by UPnP, inbound only': {
    ...{ behind: NATS.pf, says: /^Open/, advises: null },
    later: (setup, me) => upnp(setup, me, true),
  },
  'A home router with a port opened by UPnP': {
    ...{ behind: NATS.linux, says: /^Open/, advises: null },
    later: (setup, me) => upnp(setup, me, true),
  },
  'A router whose UPnP says yes and opens nothing': {
    ...{ behind: NATS.pf, says: /^Strict/, advises: /nothing comes in/ },
    later: (setup, me) => upnp(setup, me, false),
  },
  'A port that was open, and the router has forgotten it': {
    ...{ behind: NATS.pf, says: /^Strict/, advises: null },
    later(setup, me) {
      upnp(setup, me, true);
      setup.world.run(3_000);
      const { port } = me.last('upnp')!;
      gatewayOf(setup).nat.forwardPort(port, { address: '192.0.2.254', port: 9 });
      setup.world.run(25_000);
    },
  },
  'A router that answers by UPnP and opens nothing for this computer': {
    ...{ behind: NATS.pf, says: /^Strict/, advises: /allow it there/, never: /nothing comes in/ },
    later: (_, me) => me.command({ do: 'upnp', works: true, external: null }),
  },
  'A port opened by UPnP, the masterserver in the own network, STUN servers that know RESPONSE-PORT': {
    ...{ behind: NATS.pf, home: true, stun: 'full', says: /^Open/, advises: null },
    later: (setup, me) => upnp(setup, me, true),
  },
  'The same, STUN servers without RESPONSE-PORT': {
    ...{ behind: NATS.pf, home: true, stun: 'plain' },
    ...{ says: /^Strict/, advises: /Whether it has, a masterserver on the Internet/, never: /nothing comes in/ },
    later: (setup, me) => upnp(setup, me, true),
  },
  'A port opened by UPnP, a masterserver in a container that hides where packets come from, STUN servers without RESPONSE-PORT':
    {
      ...{ behind: NATS.pf, rewrittenTo: '172.17.0.1', stun: 'plain' },
      ...{ says: /^Strict/, advises: /Whether it has, a masterserver on the Internet/, never: /nothing comes in/ },
      later: (setup, me) => upnp(setup, me, true),
    },
  'A router whose UPnP says yes and opens nothing, the masterserver in the own network, STUN servers that know RESPONSE-PORT':
    {
      ...{ behind: NATS.pf, home: true, stun: 'full', says: /^Strict/, advises: /nothing comes in/ },
      later: (setup, me) => upnp(setup, me, false),
    },
  'Linux with random ports (Kubernetes, some firewalls)': {
    behind: NATS.linuxRandom,
    says: /^Strict/,
    advises: /UPnP/,
  },
  'ipfw, libalias': { behind: NATS.ipfw, says: /^(Strict|Moderate)/, advises: /UPnP/ },
  'A carrier that counts ports upwards (Juniper)': { behind: NATS.juniper, says: /^Moderate/, advises: /IPv/ },
  'A carrier with blocks of 128 ports (FortiGate)': { behind: NATS.fortigate, says: /^Strict/, advises: /provider/ },
  'A carrier with one port for all destinations (A10)': { behind: NATS.a10, says: /^(Open|Moderate)/, advises: null },
  'A cloud NAT (AWS)': { behind: NATS.aws, says: /^Strict/, advises: /./ },
  'A cloud NAT with 64 ports (Google)': { behind: NATS.gcp, says: /^(Strict|Moderate)/, advises: /./ },
  'A Japanese line with shared addresses (MAP-E)': { behind: NATS.mapE, says: /^Strict/, advises: /provider/ },
  'A home router behind a carrier’s': { behind: [NATS.linux, NATS.a10], says: /^Moderate/, advises: /public/ },
  'A network that lets no UDP through; names are found, the masterserver is silent': {
    ...{
      behind: NATS.blocked,
      stun: 'full',
      says: /no UDP answer/,
      advises: /Allow outgoing UDP/,
      never: /masterserver/,
    },
    later: (_, me) => me.command({ do: 'names', master: [], stun: [], looked: true }),
  },
  'A VPN is on, whose network draws each port at random': {
    ...{
      behind: NATS.linuxRandom,
      vpn: true,
      says: /^Strict.*through the VPN/,
      advises: /VPN is on here/,
      never: ROUTER_ASKED,
    },
  },
  'A VPN is on, whose network lets no UDP through': {
    ...{ behind: NATS.blocked, vpn: true, stun: 'full' },
    ...{
      says: /no UDP answer.*through the VPN/,
      advises: /VPN that is on here lets no UDP through/,
      never: /firewall/,
    },
    later: (_, me) => me.command({ do: 'names', master: [], stun: [], looked: true }),
  },
  'A VPN is on, whose network is an ordinary one': {
    ...{
      behind: NATS.linux,
      vpn: true,
      says: /^Moderate.*through the VPN/,
      advises: /VPN is on here/,
      never: ROUTER_ASKED,
    },
  },
  'The masterserver is dead, and no STUN server known': {
    ...{
      behind: NATS.linux,
      dead: true,
      says: /nobody answers/,
      advises: /--master/,
      never: /^Strict|firewall of this/,
    },
    later: (_, me) => me.command({ do: 'names', master: [], stun: [], looked: true }),
  },
  'The masterserver is dead, STUN servers answer': {
    ...{
      behind: NATS.linux,
      dead: true,
      stun: 'full',
      says: /masterserver does not answer/,
      advises: /UPnP/,
      never: HERE,
    },
  },
  'The masterserver dies after the network was measured': {
    ...{
      behind: NATS.linux,
      says: /measured \d+ s ago; the masterserver does not answer/,
      advises: /UPnP/,
      never: HERE,
    },
    later(setup, me) {
      setup.master.stop();
      setup.until(() => me.last('link')?.state === 'lost', 10_000, 'the link is lost');
      me.command({ do: 'check' });
    },
  },
  'The computer is offline': {
    ...{
      behind: NATS.linux,
      dead: true,
      says: /nobody answers.*computer offline/,
      advises: /--master/,
      never: /^Strict/,
    },
    prepare: (setup) => void setup.world.internet.obstruct(() => true),
  },
  'The masterserver’s probe ports are shut in its firewall': {
    ...{ behind: NATS.linux, says: /none of its probe ports/, advises: /operator/, never: HERE },
    prepare: shutProbePorts,
  },
  'The same, STUN servers answer': {
    ...{ behind: NATS.linux, stun: 'full', says: /^Moderate/, advises: /UPnP/, never: HERE },
    prepare: shutProbePorts,
  },
  'A masterserver in a container whose engine hides where packets come from': {
    ...{ behind: NATS.linux, rewrittenTo: '172.17.0.1' },
    ...{ says: /in front of the masterserver hides/, advises: /--stun.*operator/, never: HERE },
  },
  'The same container, STUN servers answer': {
    ...{ behind: NATS.linux, rewrittenTo: '172.17.0.1', stun: 'full' },
    ...{ says: /^Moderate/, advises: /UPnP/, never: HERE },
  },
  'A masterserver in the own network, and nobody outside was asked': {
    ...{ behind: NATS.linux, home: true },
    ...{ says: /stands in your own network/, advises: /--stun|elsewhere/, never: HERE },
  },
  'The same network, STUN servers answer': {
    ...{ behind: NATS.linux, home: true, stun: 'full' },
    ...{ says: /^Moderate/, advises: /UPnP/, never: HERE },
  },
  'A STUN server that is dead': {
    ...{ behind: NATS.linux, says: /^Moderate/, advises: /UPnP/, never: HERE },
    later(setup, me) {
      me.command({
        do: 'names',
        master: [],
        stun: [{ address: setup.world.publicAddress(), port: 3478 }],
        looked: true,
      });
      setup.world.run(31_000);
      me.command({ do: 'check' });
    },
  },
  'The line’s address changes while the program runs': {
    ...{ behind: NATS.linux, says: /^Moderate/, advises: /UPnP/, never: /HERE|not answer/ },
    later(setup, me) {
      setup.world.readdress(gatewayOf(setup));
      setup.world.run(20_000);
      me.command({ do: 'check' });
    },
  },
};

describe('what check says', () => {
  test.each(Object.entries(SITUATIONS))(
    '%s',
    (situation, { behind, stun, dead, vpn, home, rewrittenTo, prepare, later, ...must }) => {
      let router: Gateway | null = null;
      const setup = peers({ seed: `diagnosis ${situation}` }, (world) => {
        if (home) router = world.nat(behind as NatBehaviour, { name: 'me.nat' });
        return {
          ...(router === null ? {} : { behind: router }),
          ...(rewrittenTo === undefined ? {} : { rewrittenTo }),
        };
      });
      prepare?.(setup);
      const config = {
        stun: stun === undefined ? [] : stunServer(setup, stun),
        ...(dead ? { master: nowhere(setup) } : {}),
      };
      const me = setup.participant('me', router ?? behind, config);
      if (vpn) withVpn(me);
      setup.world.run(4_000);
      later?.(setup, me);
      setup.world.run(6_000);
      const told = me.last('profile');
      const profile = told?.profile ?? me.last('ready')?.profile;
      const probes = told?.probes ?? [];
      const link = me.last('link');
      const masterWay = link?.state === 'up' ? (link.way ?? 'udp') : null;
      const options: ReportOptions = {
        ...{ showIps: false, masterRttMs: null, routerAskedMs: null },
        masterWay,
        probes,
      };
      const lines = reportLines(profile!, options);
      const sentence = lines[0]!.slice(10);
      const silent = lines.filter((line) => line.startsWith('Silent')).map((line) => line.slice(10));
      const advice = whatWouldHelp(profile!, options).join(' ');
      expect(sentence).toMatch(must.says);
      if (must.advises !== null) expect(advice).toMatch(must.advises);
      if (must.never !== undefined) expect([sentence, ...silent, advice].join(' ')).not.toMatch(must.never);
      const known = !sentence.startsWith('Not known');
      table.record({
        ...{ situation, verdict: known ? profile!.verdict : 'not known' },
        ...{ sentence: [sentence, ...silent].join(' · '), advice: advice === '' ? '–' : advice },
      });
    },
  );
});

interface Failing {
  run(setup: Peers): Participant;
  readonly failure: keyof typeof FAILURES;
  readonly never?: RegExp;
}

const pair = (setup: Peers) => hostAndClient(setup, [NATS.linux, NATS.linux]);

const FAILING: Readonly<Record<string, Failing>> = {
  'Join: a code that nobody has': {
    failure: 'CODE_UNKNOWN',
    run(setup) {
      const me = setup.participant('me', NATS.linux);
      me.command(joinCommand({ code: '6666666666' }));
      return me;
    },
  },
  'Join: the host has gone': {
    failure: 'HOST_OFFLINE',
    run(setup) {
      const { host, client, code } = pair(setup);
      host.command({ do: 'unhost' });
      setup.world.run(1_000);
      client.command(joinCommand({ code }));
      return client;
    },
  },
  'Join: the masterserver is dead': {
    ...{ failure: 'MASTER_UNREACHABLE', never: HERE },
    run(setup) {
      const me = setup.participant('me', NATS.linux, { master: nowhere(setup) });
      me.command(joinCommand({ code: '6666666666' }));
      return me;
    },
  },
  'Join: of the masterserver’s ports that of its link alone is open in its firewall': {
    ...{ failure: 'MASTER_PORTS_SHUT', never: HERE },
    run(setup) {
      const { addresses, port } = setup.master.address;
      setup.world.internet.obstruct(({ to }) => addresses.includes(to.address) && to.port !== port);
      const me = setup.participant('me', NATS.linux);
      me.command(joinCommand({ code: '6666666666' }));
      return me;
    },
  },
  'Join: another masterserver has taken the address': {
    failure: 'MASTER_KEY_MISMATCH',
    run(setup) {
      const master = { ...setup.master.address, key: new Uint8Array(32).fill(9) };
      const me = setup.participant('me', NATS.linux, { master });
      me.command(joinCommand({ code: '6666666666' }));
      return me;
    },
  },
  'Join: a wrong password': {
    failure: 'PASSWORD',
    run(setup) {
      const host = setup.participant('host', NATS.linux);
      const client = setup.participant('client', NATS.linux);
      host.command(hostCommand({ passwordNeeded: true }, 'right'));
      setup.until(() => host.last('hosting') !== undefined, 5_000, 'it hosts');
      client.command(joinCommand({ code: host.last('hosting')!.code, password: 'wrong' }));
      return client;
    },
  },
};

describe('what a failed join says', () => {
  test.each(Object.entries(FAILING))('%s', (situation, { run, failure, never }) => {
    const setup = peers({ seed: `diagnosis ${situation}` });
    const me = run(setup);
    setup.until(() => me.last('join-failed') !== undefined, 30_000, 'it fails');
    const failed = me.last('join-failed')!;
    expect(failed.failure).toBe(failure);
    const { what, why, next } = FAILURES[failed.failure];
    const sentence = [what, failed.detail === null ? why : reasonText(failed.detail)].join(' ');
    if (never !== undefined) expect(sentence).not.toMatch(never);
    table.record({ situation, verdict: failed.failure, sentence, advice: next });
  });

  test.each([
    ['Join: two networks that draw ports at random', NATS.linuxRandom, NATS.linuxRandom, ROUTER],
    ['Join: pf and a carrier with blocks of ports', NATS.pf, NATS.fortigate, ROUTER],
  ] as const)('%s', (situation, one, two, advises) => {
    const setup = peers({ seed: `diagnosis ${situation}` });
    const { client, code } = hostAndClient(setup, [one, two]);
    client.command(joinCommand({ code }));
    setup.until(() => client.last('hard') !== undefined, 60_000, 'it is called a hard pair');
    const advice = adviceText(client.last('hard')!.advice);
    expect(advice).toMatch(advises);
    table.record({ situation, verdict: 'hard pair', sentence: 'These two networks are a hard pair.', advice });
  });

  test('Join: two easy networks, a masterserver whose load balancer gives everybody its own public address', () => {
    const situation =
      'Join: two easy networks, a masterserver whose load balancer gives everybody its own public address';
    const setup = peers({ seed: `diagnosis ${situation}` }, () => ({ rewrittenTo: '198.51.100.250' }));
    const stun = stunServer(setup, 'full');
    const [host, client] = ['host', 'client'].map((name) => setup.participant(name, NATS.linux, { stun }));
    host!.command(hostCommand());
    setup.world.run(6_000);
    client!.command(joinCommand({ code: host!.last('hosting')!.code }));
    setup.until(() => client!.last('hard') !== undefined, 60_000, 'it is told that they do not meet');
    const advice = adviceText(client!.last('hard')!.advice);
    expect(client!.last('hard')!.advice[0]?.help).toBe('between');
    table.record({ situation, verdict: 'apart', sentence: notDirectText({ because: 'between' }), advice });
  });

  test.each([
    ['Join: the host behind a VPN whose network draws ports at random, a friend behind pf', NATS.linuxRandom, NATS.pf],
  ] as const)('%s', (situation, vpn, own) => {
    const setup = peers({ seed: `diagnosis ${situation}` });
    const { host, client, code } = hostAndClient(setup, [vpn, own]);
    withVpn(host);
    setup.world.run(4_000);
    client.command(joinCommand({ code }));
    setup.until(() => client.last('hard') !== undefined, 60_000, 'it is called a hard pair');
    const { advice } = client.last('hard')!;
    expect(advice[0]).toEqual({ help: 'vpn-off', side: 'peer' });
    const text = adviceText(advice);
    expect(text).not.toMatch(/host's router|either router/);
    const sentence = notDirectText({ because: 'vpn-off', side: 'peer' });
    table.record({ situation, verdict: 'VPN', sentence, advice: text });
  });
});

test('docs/diagnosis.md has these rows and no other: at least thirty', () => {
  expect(table.rows.length).toBeGreaterThanOrEqual(30);
  const { should, is } = table.compare();
  expect(is).toBe(should);
});
